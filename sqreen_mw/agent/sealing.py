"""Seals events on the flusher's thread.

Sealing adds the request's values, calls ``before_send``, scrubs the event and encodes it.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from sqreen_mw.agent.before_send import BeforeSendHook
from sqreen_mw.agent.context import ANONYMOUS, Identity, RequestContext
from sqreen_mw.agent.guard import Guard
from sqreen_mw.capture.request import ClientLookup, Describer, RawRequest
from sqreen_mw.capture.scrub_event import (
    scrubbed_event,
    scrubbed_identifiers,
    scrubbed_name,
    scrubbed_values,
)
from sqreen_mw.capture.text import truncate_texts
from sqreen_mw.protocol.batch import encode_event
from sqreen_mw.protocol.event import Event, IdentitySource, Params, RequestInfo
from sqreen_mw.protocol.identifier import are_part_of
from sqreen_mw.protocol.limits import MAX_EVENT_BYTES, MAX_IDENTIFIER_LENGTH, MAX_TEXT_LENGTH
from sqreen_mw.scrubbing.interface import ScrubberProtocol
from sqreen_mw.scrubbing.scrubber import NullScrubber

SEAL_AFTER: Final = 1.0
"""Seconds after ``track()`` when an event is sealed even if its request still runs."""

_SEALED_BYTES: Final = 130
"""Approximate memory of a sealed event without its JSON."""


_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class PendingEvent(Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """A tracked event that is not sealed yet. Its values are copies.

    ``tracked_at`` is in seconds of the monotonic clock, ``size`` is its approximate memory. The
    garbage collector skips it (``gc=False``), because it is in no reference cycle.
    """

    id: str
    name: str
    timestamp: int
    tracked_at: float
    properties_json: bytes
    identity: Identity | None
    context: RequestContext | None
    with_body: bool
    truncated: bool
    size: int

    @property
    def properties(self) -> dict[str, Any]:
        """A copy of the app's properties."""
        return _decode(self.properties_json) if self.properties_json else {}

    def ready(self, now: float) -> bool:
        """Return whether the event can be sealed."""
        if self.context is None or not self.context.defers_events:
            return True
        return now - self.tracked_at >= SEAL_AFTER


class SealedEvent(Struct, frozen=True, eq=False, gc=False):
    """The JSON of an event, and the monotonic seconds when it was tracked."""

    data: bytes
    tracked_at: float

    @property
    def size(self) -> int:
        """Approximate memory."""
        return len(self.data) + _SEALED_BYTES


_UNSCRUBBED: Final = NullScrubber()
"""For events that ``before_send`` receives: they are scrubbed afterwards."""

_BARE_LENGTH: Final = 256
_LEFT_OUT: Final = "<left out: the event was too large>"


class Sealer:
    """Turns pending events into JSON."""

    def __init__(
        self, *, describer: Describer, before_send: BeforeSendHook | None, guard: Guard
    ) -> None:
        self._describer: Final = describer
        self._before_send: Final = before_send
        self._guard: Final = guard
        self._suppress: Final = guard.suppress_errors("describe")

    def seal(self, pending: PendingEvent) -> bytes | None:
        """Return the JSON of an event, at most ``MAX_EVENT_BYTES``, or None if the app drops it.

        If it is larger, its largest parts are removed and the event is marked as truncated.
        """
        before_send = self._before_send
        if before_send is None:
            event = self._event(pending, self._describer.scrubber)
        else:
            changed = before_send.call(self._event(pending, _UNSCRUBBED))
            if changed is None:
                return None
            event = scrubbed_event(changed, self._describer.scrubber)
        data = encode_event(event)
        return data if len(data) <= MAX_EVENT_BYTES else _shrunk(event, len(data))

    def _event(self, pending: PendingEvent, scrubber: ScrubberProtocol) -> Event:
        context = pending.context
        request = None
        if context is not None:
            # If the request cannot be read, the event is kept without it.
            with self._suppress:
                request = self._request(context, with_body=pending.with_body)
        identity = pending.identity
        if identity is None:
            identity = ANONYMOUS if context is None else context.first_identity or ANONYMOUS
        identifiers = self._cut(identity.identifiers, MAX_IDENTIFIER_LENGTH)
        traits = self._cut(identity.traits)
        properties = pending.properties
        if pending.truncated:
            properties = self._cut(properties)
        return Event(
            id=pending.id,
            name=scrubbed_name(pending.name, scrubber),
            timestamp=pending.timestamp,
            properties=scrubbed_values(properties, scrubber),
            user_identifiers=identifiers and scrubbed_identifiers(identifiers, scrubber),
            identity=_identity_source(identity, context),
            user_traits=traits and scrubbed_values(traits, scrubber),
            request=request,
            truncated=pending.truncated or (request is not None and request.truncated),
        )

    def _cut(self, values: dict[str, Any], limit: int = MAX_TEXT_LENGTH) -> dict[str, Any]:
        """Return a copy with long texts scrubbed and shortened."""
        # Always another dict, because before_send may change it.
        return truncate_texts(values, limit, self._describer.scrubber.text) if values else {}

    def _request(self, context: RequestContext, *, with_body: bool) -> RequestInfo:
        raw = context.raw_request()
        client = self._describer.find_client(raw)
        self._warn_of_proxy(raw, client)
        body = context.raw_body() if with_body else None
        return self._describer.describe(raw, body, client=client)

    def _warn_of_proxy(self, raw: RawRequest, client: ClientLookup) -> None:
        """Log that a proxy's header does not count, with the setting that changes it."""
        header = self._describer.client_ip.header
        if raw.has_unclear_address and self._describer.client_ip.trusts(raw.peer):
            self._guard.warn(
                "merged_header",
                "this server cannot distinguish %s from a header that a client spells with "
                "underscores, so every visitor has the address of %s; set SQREEN_IP_HEADER to a "
                "header without hyphens that your proxy sets, or use another server",
                header,
                raw.peer,
            )
        elif client.ignores_proxy_header:
            self._guard.warn(
                "untrusted_proxy",
                "requests come from %s with a %s header that is not trusted, so every visitor has "
                "that address; if it is your proxy, set SQREEN_TRUSTED_PROXIES=%s",
                raw.peer,
                header,
                raw.peer,
            )


def _identity_source(identity: Identity, context: RequestContext | None) -> IdentitySource | None:
    """Return whether the app has verified a user in the request of the event.

    ``track(user_identifiers=...)`` can name a part of the request's verified user.
    """
    if identity.source is not None or not identity.identifiers:
        return identity.source
    verified = (context.first_identity, context.identity) if context is not None else ()
    given = identity.identifiers
    is_part = any(user is not None and are_part_of(given, user.identifiers) for user in verified)
    return "established" if is_part else "claimed"


def _shrunk(event: Event, size: int) -> bytes:
    """Return the JSON of an event without its largest parts, marked as truncated.

    The body is removed first, then traits, the largest properties, and all parameters.
    """
    request = event.request
    if request is not None and (request.params.form or request.params.json is not None):
        params = msgspec.structs.replace(request.params, form={}, json=None)
        request = msgspec.structs.replace(request, params=params, truncated=True)
        event = msgspec.structs.replace(event, request=request, truncated=True)
        size = len(encode_event(event))
    if size > MAX_EVENT_BYTES and event.user_traits:
        event = msgspec.structs.replace(event, user_traits={}, truncated=True)
        size = len(encode_event(event))
    properties: dict[str, Any] = dict(event.properties)
    sizes = {key: len(msgspec.json.encode(value)) for key, value in properties.items()}
    for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if size <= MAX_EVENT_BYTES or sizes[key] <= len(_LEFT_OUT):
            break
        properties[key] = _LEFT_OUT
        size -= sizes[key] - len(_LEFT_OUT) - 2
    shrunk = msgspec.structs.replace(event, properties=properties, truncated=True)
    data = encode_event(shrunk)
    if len(data) <= MAX_EVENT_BYTES:
        return data
    identifiers = {
        key: value[:_BARE_LENGTH] if isinstance(value, str) else value
        for key, value in event.user_identifiers.items()
    }
    bare = msgspec.structs.replace(
        shrunk, request=request and _bare(request), properties={}, user_identifiers=identifiers
    )
    return encode_event(bare)


def _bare(request: RequestInfo) -> RequestInfo:
    """Return a request with short texts and without parameters."""
    return msgspec.structs.replace(
        request,
        path=request.path[:_BARE_LENGTH],
        id=request.id and request.id[:_BARE_LENGTH],
        user_agent=request.user_agent and request.user_agent[:_BARE_LENGTH],
        host=request.host and request.host[:_BARE_LENGTH],
        route=request.route and request.route[:_BARE_LENGTH],
        params=Params(),
        truncated=True,
    )
