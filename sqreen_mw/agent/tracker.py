"""The calls that make events: taken, copied and handed on; they never raise into the app."""

from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any, Final

from msgspec import Struct

from sqreen_mw.agent.arguments import Arguments
from sqreen_mw.agent.calls import AnyAgent, TrackOptions
from sqreen_mw.agent.context import Identity, RequestContext
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.pending import PendingEvent
from sqreen_mw.agent.process.clock import monotonic
from sqreen_mw.agent.requests.lookup import context_of
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.capture.body import MAX_BODY_BYTES
from sqreen_mw.capture.json_copy import Copier, encode_json, plain_json, safe_text
from sqreen_mw.capture.text import clean_text
from sqreen_mw.protocol.event_id import new_event_id

LOGIN: Final = "sq.sdk.users.login"
SIGNUP: Final = "sq.sdk.users.signup"

EVENT_BYTES: Final = 700
"""About the bytes of memory of an event without properties."""

_NAMES_REMEMBERED: Final = 1024


class Particulars(Struct, frozen=True):
    """What a call says of an event besides its name and properties; most say nothing.

    ``copied`` is about the bytes that the user's copies hold; ``timestamp`` is as the app gave it.
    """

    identity: Identity | None = None
    copied: int = 0
    truncated: bool = False
    with_body: bool = False
    timestamp: object = None


_NONE: Final = Particulars()

_OPTIONS: Final = frozenset(TrackOptions.__annotations__)


class Tracker:
    """Turns calls into pending events, and identities into those of requests.

    Misuse is logged with its fix and counted; whatever can be kept of the event is kept.
    """

    def __init__(
        self,
        *,
        put: Callable[[PendingEvent], bool],
        agent: AnyAgent,
        arguments: Arguments,
        guard: Guard,
        ip_header: str,
    ) -> None:
        """Make a tracker.

        Args:
            put: Takes an event, and tells whether it did.
            agent: The agent of requests that the app passes as ``request``.
            arguments: Reads what the app hands over.
            guard: Counts and logs what is wrong.
            ip_header: The header that proxies name the client in.
        """
        self.put = put
        self._agent: Final = agent
        self._arguments: Final = arguments
        self._guard: Final = guard
        self._suppress: Final = guard.suppress_errors("track")
        self._ip_header: Final = ip_header
        self._names: Final = dict[str, str]()

    def track(
        self,
        context: RequestContext | None,
        name: str,
        *,
        options: object,
        keywords: Mapping[str, Any],
    ) -> str | None:
        """Take an event and return its id, or None if it is not accepted."""
        try:
            told = self._names.get(name) if type(name) is str else None
            if told is None:
                told = self._told(name)
                if told is None:
                    return None
            if options is None and len(keywords) == 1 and "properties" in keywords:
                # Most calls are so, and pay for no more.
                copied = plain_json(keywords["properties"])
                if copied is not None:
                    return self._submit(told, context, copied)
            return self._track(told, context, options=options, keywords=keywords)
        except BaseException as error:  # costs less than a context of the guard
            if not self._guard.suppress(error, "track"):
                raise
        return None

    def _told(self, name: object) -> str | None:
        """Return the name that an event is given, or None if it may not have it.

        Names are few, and stand in the app's code: they are remembered.
        """
        if not self._arguments.admits(name):
            return None
        told = clean_text(safe_text(name))
        if len(self._names) < _NAMES_REMEMBERED:
            self._names[told] = told
        return told

    def _track(
        self,
        name: str,
        context: RequestContext | None,
        *,
        options: object,
        keywords: Mapping[str, Any],
    ) -> str | None:
        known = self._arguments.options(options, keywords, _OPTIONS)
        if known.get("request") is not None:
            context = self._context_of(known["request"])
            if context is not None and context.agent.ignores_events:
                return None
        copier = Copier()
        properties, truncated = self._arguments.properties_json(known.get("properties"))
        particulars = Particulars(
            identity=self._arguments.identity(known.get("user_identifiers"), copier),
            copied=copier.size,
            truncated=truncated or copier.truncated,
            with_body=self._wants_body(known.get("collect_body")),
            timestamp=known.get("timestamp"),
        )
        return self._submit(name, context, properties, particulars)

    def identify(
        self,
        context: RequestContext | None,
        identifiers: object,
        traits: object,
        *,
        keywords: Mapping[str, Any],
    ) -> None:
        """Say who a request is from."""
        with self._suppress:
            if context is None:
                message = "identify() outside a request does nothing: give track() user_identifiers"
                self._guard.report_misuse("identify_outside", message)
                return
            copier = Copier()
            identity = self._arguments.identity(
                identifiers, copier, keywords=keywords, traits=traits
            )
            if identity is None:
                self._nobody("identify()")
            else:
                context.remember(identity, copier.size)

    def auth_track(
        self,
        context: RequestContext | None,
        success: object,
        identifiers: object,
        *,
        keywords: Mapping[str, Any],
    ) -> str | None:
        """Take a login; a successful one identifies the request's user."""
        with self._suppress:
            succeeded = self._arguments.truth(success)
            if succeeded is None:
                message = "auth_track() needs True or False first, not %s: did the login succeed?"
                self._guard.report_misuse("auth_success", message, type(success).__name__)
                return None
            copier = Copier()
            identity = self._arguments.identity(identifiers, copier, keywords=keywords)
            if succeeded:
                self._remember(context, identity, copier, call="auth_track()")
            properties = encode_json({"success": succeeded})
            user = Particulars(identity, copier.size, copier.truncated)
            return self._submit(LOGIN, context, properties, user)
        return None

    def signup_track(
        self, context: RequestContext | None, identifiers: object, *, keywords: Mapping[str, Any]
    ) -> str | None:
        """Take a new account, which identifies the request's user."""
        with self._suppress:
            copier = Copier()
            identity = self._arguments.identity(identifiers, copier, keywords=keywords)
            self._remember(context, identity, copier, call="signup_track()")
            user = Particulars(identity, copier.size, copier.truncated)
            return self._submit(SIGNUP, context, b"", user)
        return None

    def _remember(
        self,
        context: RequestContext | None,
        identity: Identity | None,
        copier: Copier,
        *,
        call: str,
    ) -> None:
        """Take a user for a request; a call that names none may mean the one that it has."""
        if identity is None:
            if context is None or context.identity is None:
                self._nobody(call)
        elif context is not None:
            context.remember(identity, copier.size)

    def _nobody(self, call: str) -> None:
        message = "%s: a user needs an identifier, such as {'email': ...}: nobody is identified"
        self._guard.report_misuse("identifiers_empty", message, call)

    def _context_of(self, request: object) -> RequestContext | None:
        context = None
        with suppress_app_errors:
            context = context_of(request, self._agent, ip_header=self._ip_header)
        if context is None:
            message = "track() can't read a request of type %s: the event is kept without one"
            self._guard.report_misuse("request_type", message, type(request).__name__)
        return context

    def _submit(  # noqa: PLR0917 names would cost each call
        self,
        name: str,
        context: RequestContext | None,
        properties_json: bytes,
        particulars: Particulars = _NONE,
    ) -> str | None:
        identity, with_body = particulars.identity, particulars.with_body
        timestamp = particulars.timestamp
        size = EVENT_BYTES + len(properties_json) + particulars.copied
        if context is not None:
            if identity is None and context.identity is not None:
                identity = context.identity
                size += context.identity_bytes
            context.notice()
            size += context.held_bytes
            if with_body:
                context.wants_body = True
                size += MAX_BODY_BYTES
        now = time_ns() // 1_000_000
        event = PendingEvent(
            id=new_event_id(now),
            name=name,
            timestamp=now if timestamp is None else self._arguments.milliseconds(timestamp, now),
            tracked_at=monotonic(),
            properties_json=properties_json,
            identity=identity,
            context=context,
            with_body=with_body,
            truncated=particulars.truncated,
            size=size,
        )
        return event.id if self.put(event) else None

    def _wants_body(self, value: object) -> bool:
        if value is None:
            return False
        wanted = self._arguments.truth(value)
        if wanted is None:
            message = "collect_body must be True or False, not %s: the body is not told"
            self._guard.report_misuse("collect_body_type", message, type(value).__name__)
        return wanted is True
