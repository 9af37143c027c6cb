"""Sealing: the last step of an event in the app, on the flusher's thread.

Here the request's own values come in, as late as they are known, and the event becomes bytes.
"""

from typing import Any, Final

import msgspec

from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.pending import PendingEvent
from sqreen_mw.capture.client_ip import ClientIp
from sqreen_mw.capture.request import RawRequest, describe
from sqreen_mw.protocol.batch import encode_event
from sqreen_mw.protocol.event import Event, RequestInfo
from sqreen_mw.protocol.limits import MAX_EVENT_BYTES

_LEFT_OUT: Final = "<left out: the event was too large>"


class Sealer:
    """Turns pending events into their bytes."""

    def __init__(self, *, client_ip: ClientIp, guard: Guard) -> None:
        self._client_ip: Final = client_ip
        self._guard: Final = guard

    def seal(self, pending: PendingEvent) -> bytes:
        """Return the JSON of an event, at most ``MAX_EVENT_BYTES``.

        Where it is larger, the largest properties are left out and the event is marked.
        """
        context = pending.context
        request = None if context is None else self._describe(context.raw_request())
        event = Event(
            id=pending.id,
            name=pending.name,
            timestamp=pending.timestamp,
            properties=pending.properties,
            user_identifiers=pending.user_identifiers,
            request=request,
            truncated=pending.truncated or (request is not None and request.truncated),
        )
        data = encode_event(event)
        return data if len(data) <= MAX_EVENT_BYTES else _fitted(event, len(data))

    def _describe(self, raw: RawRequest) -> RequestInfo:
        if self._client_ip.distrusts_proxy(raw.peer, raw.headers):
            self._guard.warn(
                "untrusted_proxy",
                "requests come from %s with a %s header that is not trusted, so every visitor has "
                "that address; if it is your proxy, set SQREEN_TRUSTED_PROXIES=%s",
                raw.peer,
                self._client_ip.header,
                raw.peer,
            )
        return describe(raw, self._client_ip)


def _fitted(event: Event, size: int) -> bytes:
    """Return the JSON of an event without its largest properties, and parameters if need be."""
    properties: dict[str, Any] = dict(event.properties)
    sizes = {key: len(msgspec.json.encode(value)) for key, value in properties.items()}
    for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if size <= MAX_EVENT_BYTES:
            break
        properties[key] = _LEFT_OUT
        size -= sizes[key] - len(_LEFT_OUT) - 2
    fitted = msgspec.structs.replace(event, properties=properties, truncated=True)
    data = encode_event(fitted)
    if len(data) <= MAX_EVENT_BYTES or event.request is None:
        return data
    bare = RequestInfo(
        verb=event.request.verb,
        path=event.request.path,
        ip=event.request.ip,
        ip_source=event.request.ip_source,
        truncated=True,
    )
    return encode_event(msgspec.structs.replace(fitted, request=bare))
