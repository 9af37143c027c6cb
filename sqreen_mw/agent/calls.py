"""The public calls as methods. The module functions and the contexts of requests share them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Never, Protocol, TypeAlias, TypedDict, Unpack

from sqreen_mw.agent.lenient import lenient
from sqreen_mw.agent.process.exit import CLOSE_SECONDS


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts at one moment: tracked + replayed = delivered + waiting + all of dropped.

    Attributes:
        tracked: Accepted events, and those tracked after the close.
        delivered: Events that the collector has stored.
        waiting: Events in the queue, in a batch in flight, and in the spool.
        dropped: Lost events, by reason.
        misuse: How often each kind of misuse or internal error occurred.
        spooled: The part of ``waiting`` that is in the spool, which outlives the process.
        replayed: Events of other processes that this one took over from the spool.
    """

    tracked: int = 0
    delivered: int = 0
    waiting: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    misuse: dict[str, int] = field(default_factory=dict)
    spooled: int = 0
    replayed: int = 0


Context: TypeAlias = Any
"""The context of a request, or None. Its class imports this module."""


class AnyAgent(Protocol):
    """Handles calls. ``context`` is the request to which a call belongs.

    Attributes:
        ignores_events: Whether it is the agent of an ignored path.
    """

    ignores_events: ClassVar[bool]

    @property
    def acting(self) -> "AnyAgent":
        """The agent that handles the calls: this one, or its stand-in during a test."""

    def track(
        self,
        context: Context,
        name: str,
        *,
        options: object,
        surplus: tuple[object, ...],
        keywords: Mapping[str, Any],
    ) -> str | None:
        """Queue an event, and return its id if it is accepted."""

    def identify(
        self,
        context: Context,
        identifiers: object,
        traits: object,
        *,
        keywords: Mapping[str, Any],
    ) -> None:
        """Set the user of a request."""

    def auth_track(
        self,
        context: Context,
        success: object,
        identifiers: object,
        *,
        keywords: Mapping[str, Any],
    ) -> str | None:
        """Queue the event of a login, and return its id if it is accepted."""

    def signup_track(
        self,
        context: Context,
        identifiers: object,
        *,
        keywords: Mapping[str, Any],
    ) -> str | None:
        """Queue the event of a sign-up, and return its id if it is accepted."""

    def user_is_banned(self, context: Context, /) -> bool:
        """Return whether the user of a request is blocked."""

    def flush(self, timeout: float, /) -> bool:
        """Wait until all events are settled; return False if it timed out."""

    async def aflush(self, timeout: float, /) -> bool:
        """Flush without blocking the event loop."""

    def close(self, timeout: float, /) -> int:
        """Deliver events, stop, and return the number of lost ones."""

    async def aclose(self, timeout: float, /) -> int:
        """Close without blocking the event loop."""

    def stats(self) -> Stats:
        """Return the counts of the process."""


class TrackOptions(TypedDict, total=False):
    """The options of ``track()``: keywords or one dict.

    Attributes:
        properties: Data of the event, at most 16 items.
        user_identifiers: The user, such as ``{"email": ...}``; default is the identified user.
        timestamp: The time of the event, default now; a naive datetime is UTC.
        collect_body: Whether the event contains parameters of the request's body.
        request: A request other than the current one: of Starlette, FastAPI, Flask, Werkzeug or
            Django, an ASGI scope or a WSGI environ.
    """

    properties: Mapping[str, Any]
    user_identifiers: Mapping[str, str | int]
    timestamp: datetime
    collect_body: bool
    request: object


class TrackKeywords(TrackOptions, total=False):
    """The keywords of ``track()``: its positional arguments are accepted as keywords too.

    Attributes:
        name: The event's name.
        options: The options as one dict.
    """

    name: str
    options: TrackOptions | None


class Calls:
    """The calls of the SDK. They never raise into the app.

    Attributes:
        call_context: Returns the request to which a call belongs, or None.
        outside_agent: Returns the agent of calls outside of requests; needed if there is none. It
            never raises an error of ours.
    """

    call_context: Callable[[], Context]
    outside_agent: Callable[[], AnyAgent]

    def call_target(self) -> tuple[AnyAgent, Context]:
        """Return the agent that handles a call, and the request to which the call belongs."""
        context = self.call_context()
        agent = self.outside_agent() if context is None else context.agent
        return agent.acting, context

    def track(
        self,
        name: str = "",
        options: TrackOptions | None = None,
        /,
        *surplus: Never,
        **keywords: Unpack[TrackKeywords],
    ) -> str | None:
        """Track an event of the current request, or outside of requests.

        Options are keywords or one dict: ``properties`` (at most 16), ``user_identifiers``,
        ``timestamp``, ``collect_body`` and ``request``. It never raises and never blocks; a wrong
        call is logged on the logger ``sqreen_mw``, with the fix.

        Returns:
            The event's id (UUID version 7), or None if the event is not accepted.
        """
        context = self.call_context()
        agent = (self.outside_agent() if context is None else context.agent).acting
        return agent.track(context, name, options=options, surplus=surplus, keywords=keywords)

    @lenient()
    def identify(
        self,
        user_identifiers: Mapping[str, str | int] | None = None,
        traits: Mapping[str, Any] | None = None,
        **identifiers: str | int,
    ) -> None:
        """Set the user of the current request.

        Events of the request that name no other user belong to this one: later events, and those
        tracked before the first ``identify()``.

        Args:
            user_identifiers: Such as ``{"id": 42, "email": ...}``.
            traits: More data of the user, at most 16 items.
            identifiers: The identifiers as keywords, such as ``email=...``.
        """
        agent, context = self.call_target()
        agent.identify(context, user_identifiers, traits, keywords=identifiers)

    @lenient()
    def auth_track(
        self,
        success: bool | None = None,  # noqa: FBT001 the original's signature
        user_identifiers: Mapping[str, str | int] | None = None,
        **identifiers: str | int,
    ) -> str | None:
        """Track a login as event ``sq.sdk.users.login``; a successful one identifies the user.

        Args:
            success: Whether the login succeeded; required.
            user_identifiers: A dict that identifies the user.
            identifiers: The identifiers as keywords.

        Returns:
            The event's id, or None if the event is not accepted.
        """
        agent, context = self.call_target()
        return agent.auth_track(context, success, user_identifiers, keywords=identifiers)

    @lenient()
    def signup_track(
        self,
        user_identifiers: Mapping[str, str | int] | None = None,
        **identifiers: str | int,
    ) -> str | None:
        """Track a new account as event ``sq.sdk.users.signup``, and identify its user.

        Args:
            user_identifiers: A dict that identifies the user.
            identifiers: The identifiers as keywords.

        Returns:
            The event's id, or None if the event is not accepted.
        """
        agent, context = self.call_target()
        return agent.signup_track(context, user_identifiers, keywords=identifiers)

    @lenient(default=False)
    def user_is_banned(self) -> bool:
        """Return whether the current request's user is blocked."""
        agent, context = self.call_target()
        return agent.user_is_banned(context)

    @lenient(default=False)
    def flush(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Wait at most ``timeout`` seconds until all events are delivered, dropped or spooled.

        Returns:
            False if it timed out; delivery continues.
        """
        return self.call_target()[0].flush(timeout)

    @lenient(default=False)
    async def aflush(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Like ``flush``, without blocking the event loop of asyncio or trio."""
        return await self.call_target()[0].aflush(timeout)

    @lenient(default=0)
    def close(self, timeout: float = CLOSE_SECONDS) -> int:
        """Deliver the waiting events within ``timeout`` seconds, and stop.

        Later events are dropped and counted, until a middleware is created again.

        Returns:
            The number of events that were neither delivered nor spooled; they are dropped.
        """
        return self.call_target()[0].close(timeout)

    @lenient(default=0)
    async def aclose(self, timeout: float = CLOSE_SECONDS) -> int:
        """Like ``close``, without blocking the event loop of asyncio or trio."""
        return await self.call_target()[0].aclose(timeout)

    @lenient(default=Stats())
    def stats(self) -> Stats:
        """Return the counts of this process's events, also after ``close``."""
        return self.call_target()[0].stats()
