"""Turns calls into pending events and identities. It never raises into the app."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from sqreen_mw.agent.arguments import Arguments
from sqreen_mw.agent.calls import AnyAgent, TrackOptions
from sqreen_mw.agent.context import UNKNOWN_YET, Identity, RequestContext
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.process.unpatched import epoch_ms, monotonic
from sqreen_mw.agent.requests.lookup import find_or_create_context
from sqreen_mw.agent.sealing import PendingEvent
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.capture.json_copy import Copier, encode_json, plain_json
from sqreen_mw.capture.request_body import MAX_BODY_BYTES
from sqreen_mw.protocol.event_id import new_event_id

LOGIN: Final = "sq.sdk.users.login"
SIGNUP: Final = "sq.sdk.users.signup"

EVENT_BYTES: Final = 700
"""Approximate memory of an event without properties."""

_MAX_CACHED_NAMES: Final = 1024


class EventOptions(Struct, frozen=True):
    """The less common options of an event.

    ``copied`` is the approximate memory of the identity; ``timestamp`` is the app's value.
    """

    identity: Identity | None = None
    copied: int = 0
    truncated: bool = False
    with_body: bool = False
    timestamp: object = None


_NO_OPTIONS: Final = EventOptions()

_OPTIONS: Final = frozenset(TrackOptions.__annotations__)


class Tracker:
    """Turns calls into pending events, and sets the identity of requests.

    Misuse is logged with its fix and counted; the valid part of the event is kept.
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
        """Create a tracker.

        Args:
            put: Queues an event; returns False if it was not accepted.
            agent: The agent of requests that the app passes as ``request``.
            arguments: Checks and copies the arguments.
            guard: Counts and logs errors.
            ip_header: The lower-case name of the header with the client's address.
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
        surplus: tuple[object, ...] = (),
        keywords: Mapping[str, Any],
    ) -> str | None:
        """Queue an event and return its id, or None if it is not accepted."""
        try:
            if surplus or "name" in keywords or "options" in keywords:
                name, options = self._arguments.track_arguments(
                    name, options, surplus=surplus, keywords=keywords
                )
            known = self._names.get(name) if type(name) is str else None
            if known is None:
                known = self._cleaned_name(name)
                if known is None:
                    return None
            if options is None and len(keywords) == 1 and "properties" in keywords:
                # The fast path of most calls.
                copied = plain_json(keywords["properties"])
                if copied is not None:
                    return self._submit(known, context, copied)
            return self._track(known, context, options=options, keywords=keywords)
        except BaseException as error:  # costs less than a context of the guard
            if not self._guard.suppress(error, "track"):
                raise
        return None

    def _cleaned_name(self, name: object) -> str | None:
        """Return the valid text of a name, or None if an event may not have it.

        Valid names are cached: an app has few, in its code.
        """
        cleaned = self._arguments.name(name, call="track()")
        if cleaned is not None and len(self._names) < _MAX_CACHED_NAMES:
            self._names[cleaned] = cleaned
        return cleaned

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
        more = EventOptions(
            identity=self._arguments.identity(known.get("user_identifiers"), copier),
            copied=copier.size,
            truncated=truncated or copier.truncated,
            with_body=self._wants_body(known.get("collect_body")),
            timestamp=known.get("timestamp"),
        )
        return self._submit(name, context, properties, more)

    def identify(
        self,
        context: RequestContext | None,
        identifiers: object,
        traits: object,
        *,
        keywords: Mapping[str, Any],
    ) -> None:
        """Set the user of a request."""
        with self._suppress:
            if context is None:
                message = "identify() outside a request does nothing: pass track() user_identifiers"
                self._guard.report_misuse("identify_outside", message)
                return
            copier = Copier()
            identity = self._arguments.identity(
                identifiers, copier, keywords=keywords, traits=traits, source="established"
            )
            if identity is None:
                self._warn_no_identifiers("identify()")
            else:
                context.set_identity(identity, copier.size)

    def auth_track(
        self,
        context: RequestContext | None,
        success: object,
        identifiers: object,
        *,
        keywords: Mapping[str, Any],
    ) -> str | None:
        """Track a login; a successful one sets the request's user."""
        with self._suppress:
            succeeded = self._arguments.parse_bool(success)
            if succeeded is None:
                message = "auth_track() needs True or False first, not %s: did the login succeed?"
                self._guard.report_misuse("auth_success", message, type(success).__name__)
                return None
            copier = Copier()
            identity = self._arguments.identity(
                identifiers,
                copier,
                keywords=keywords,
                source="established" if succeeded else "claimed",
            )
            if succeeded:
                self._remember(context, identity, copier, call="auth_track()")
            properties = encode_json({"success": succeeded})
            user = EventOptions(identity, copier.size, copier.truncated)
            return self._submit(LOGIN, context, properties, user)
        return None

    def signup_track(
        self, context: RequestContext | None, identifiers: object, *, keywords: Mapping[str, Any]
    ) -> str | None:
        """Track a new account, and set the request's user."""
        with self._suppress:
            copier = Copier()
            identity = self._arguments.identity(
                identifiers, copier, keywords=keywords, source="established"
            )
            self._remember(context, identity, copier, call="signup_track()")
            user = EventOptions(identity, copier.size, copier.truncated)
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
        """Set the user of a request; a call without identifiers may mean the present one."""
        if identity is None:
            if context is not None and context.user_resolver is not None:
                self._resolve_user(context)
            if context is None or context.identity is None:
                self._warn_no_identifiers(call)
        elif context is not None:
            context.set_identity(identity, copier.size)

    def _resolve_user(self, context: RequestContext) -> None:
        """Ask the resolver for the user of a request, once, unless it does not know it yet.

        An error is logged, and the event is kept without a user.
        """
        # Taken first: the resolver may track events itself, and another thread may be here, too.
        resolve = None if context.identity is not None else context.take_user_resolver()
        if resolve is None:
            return
        with self._guard.suppress_errors("identify"):
            identifiers = resolve()
            if identifiers is UNKNOWN_YET:
                context.user_resolver, context.lacks_user = resolve, True
            elif identifiers:
                copier = Copier()
                identity = self._arguments.identity(identifiers, copier, source="established")
                if identity is not None:
                    context.set_identity(identity, copier.size)

    def _warn_no_identifiers(self, call: str) -> None:
        message = "%s: a user needs an identifier, such as {'email': ...}; no user was set"
        self._guard.report_misuse("identifiers_empty", message, call)

    def _context_of(self, request: object) -> RequestContext | None:
        context = None
        with suppress_app_errors:
            context = find_or_create_context(request, self._agent, ip_header=self._ip_header)
        if context is None:
            message = "track() can't read a request of type %s; the event is kept without it"
            self._guard.report_misuse("request_type", message, type(request).__name__)
        return context

    def _submit(  # noqa: PLR0917 keywords would cost each call
        self,
        name: str,
        context: RequestContext | None,
        properties_json: bytes,
        more: EventOptions = _NO_OPTIONS,
    ) -> str | None:
        identity, with_body = more.identity, more.with_body
        timestamp = more.timestamp
        size = EVENT_BYTES + len(properties_json) + more.copied
        if context is not None:
            if identity is None and context.user_resolver is not None:
                self._resolve_user(context)
            if identity is None and context.identity is not None:
                identity = context.identity
                size += context.identity_bytes
            context.snapshot()
            size += context.held_bytes
            if with_body:
                context.wants_body = True
                size += MAX_BODY_BYTES
        now = epoch_ms()
        event = PendingEvent(
            id=new_event_id(now),
            name=name,
            timestamp=now if timestamp is None else self._arguments.to_epoch_ms(timestamp, now),
            tracked_at=monotonic(),
            properties_json=properties_json,
            identity=identity,
            context=context,
            with_body=with_body,
            truncated=more.truncated,
            size=size,
        )
        return event.id if self.put(event) else None

    def _wants_body(self, value: object) -> bool:
        if value is None:
            return False
        wanted = self._arguments.parse_bool(value)
        if wanted is None:
            message = "collect_body must be True or False, not %s; the event has no body"
            self._guard.report_misuse("collect_body_type", message, type(value).__name__)
        return wanted is True
