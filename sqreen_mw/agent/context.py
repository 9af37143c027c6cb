"""The current request: one mutable object, which every task and thread of the request shares."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import Struct

from sqreen_mw.agent.calls import AnyAgent, Calls
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.protocol.limits import MAX_STATUS, MIN_STATUS

if TYPE_CHECKING:
    # Only whoever makes a request's context needs to load them.
    from sqreen_mw.capture.body import BodyTee, RawBody
    from sqreen_mw.capture.request import RawRequest

Route: TypeAlias = tuple[str, Mapping[str, object]]
"""The template of the route that an app chose, and what the path has in its places."""


class Identity(Struct, frozen=True, kw_only=True):
    """Who acts: copies of what the app said of a user."""

    identifiers: dict[str, str | int]
    traits: dict[str, Any]


NOBODY: Final = Identity(identifiers={}, traits={})
"""The user of a request where none was identified."""


class RequestContext(Calls):
    """One request, from its first byte until the last task that it started is gone.

    It is mutable and shared, so that a thread or a task that has only a copy of the contextvars
    sees and changes the same request. A subclass says what the request is; functions make it, as
    an ``__init__`` would cost each request more than all that it sets.

    Attributes:
        agent: Takes the calls of the request.
        holds_events: Whether events wait for the request to end before they are sealed.
        find_route: Tells the route once it is known, where neither scope nor environ has it.
        identity: The user as last identified, or None.
        identity_bytes: About how many bytes that holds.
        first_identity: The user as first identified, or None.
        held_bytes: About how many bytes an event of this request keeps alive.
        holds_more: Whether the request's end has more to let go of than most have.
        noticed: Whether an event was tracked.
        status: The response's status as the app says it, once it has begun.
        wants_body: Whether an event tells of the body.
        body: What the app has read of the request's body.
    """

    agent: AnyAgent

    # On the class, as most requests set few of them.
    _id: str | None = None
    body: "BodyTee | None" = None
    find_route: Callable[[], Route | None] | None = None
    first_identity: Identity | None = None
    held_bytes: int = 0
    holds_events: bool = True
    holds_more: bool = False
    identity: Identity | None = None
    identity_bytes: int = 0
    noticed: bool = False
    status: object = None
    wants_body = False

    @property
    def id(self) -> str:
        """One id for all events of the request."""
        if self._id is None:
            self._id = new_event_id()
        return self._id

    def take_id(self, given: str) -> None:
        """Have the id that other events of the request have."""
        self._id = given

    def raw_request(self) -> "RawRequest":
        """Return the request's values, from any thread, during the request and after it."""
        raise NotImplementedError

    def raw_body(self) -> "RawBody | None":
        """Return what the app has read of the body, or None if it has read nothing."""
        raise NotImplementedError

    def keep_body(self, tee: "BodyTee") -> None:
        """Have events tell what a tee sees of the body."""
        self.body = tee
        self.holds_more = True

    def ask_route(self, find_route: Callable[[], Route | None]) -> None:
        """Have the route told by ``find_route``, until the request ends."""
        self.find_route = find_route
        self.holds_more = True

    def finish(self) -> None:
        """Let go of the server's objects; what events need of them is kept."""
        self.holds_events = False
        if self.holds_more:
            self.let_go()

    def let_go(self) -> None:
        """Let go of what ``holds_more`` says."""
        self.holds_more = False
        self.find_route = None
        if not self.wants_body:
            self.body = None

    def found_route(self) -> Route | None:
        """Return what ``find_route`` tells; a framework's own object may raise anything."""
        find = self.find_route
        if find is None:
            return None
        with suppress_app_errors:
            return find()
        return None

    def status_code(self) -> int | None:
        """Return the response's status, if it is one (RFC 9110, section 15)."""
        status = self.status
        if isinstance(status, str):
            status = int(status[:3]) if status[:3].isdecimal() else None
        known = isinstance(status, int) and MIN_STATUS <= status <= MAX_STATUS
        return int(status) if known else None  # type: ignore[call-overload]  # known

    def notice(self) -> None:
        """Look at what may be gone once the event is sealed; called with each event."""
        self.noticed = True

    def remember(self, identity: Identity, size: int) -> None:
        """Take a user, who holds so many bytes, for the events of this request."""
        if self.first_identity is None:
            self.first_identity = identity
        self.identity = identity
        self.identity_bytes: int = size

    def request(self) -> "RequestContext":
        """Return this request."""
        return self


_current: Final[ContextVar[RequestContext | None]] = ContextVar("sqreen_mw_request", default=None)


current_request: Final = _current.get
"""Returns the context of the current request, or None. Not a function of ours: each call counts."""

enter: Final = _current.set
"""Makes a request the current one; hand the token to ``leave``."""

reset: Final = _current.reset
"""Does as ``leave`` does, for a call's cost less, where nothing can change contexts meanwhile."""


def leave(token: Token[RequestContext | None]) -> None:
    """Make the request before the current one again.

    A token of another context is passed over: a response may be closed by another thread, whose
    context goes away with it. So is one that was left already.
    """
    try:  # noqa: SIM105 suppress() would cost more than all the rest
        _current.reset(token)
    except (ValueError, RuntimeError):
        pass
