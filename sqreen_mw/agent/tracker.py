"""``track()``: what an app says, checked, copied and handed on; it never raises into the app."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final, TypedDict

from sqreen_mw.agent.context import RequestContext
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.pending import PendingEvent
from sqreen_mw.agent.values import Copier
from sqreen_mw.protocol.event import RESERVED_PREFIX
from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.protocol.limits import (
    MAX_IDENTIFIER_LENGTH,
    MAX_IDENTIFIERS,
    MAX_NAME_LENGTH,
    MAX_PROPERTIES,
    MAX_PROPERTY_NAME_LENGTH,
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
)

EVENT_BYTES: Final = 700
"""About the bytes of memory of an event without properties."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class TrackOptions(TypedDict, total=False):
    """What ``track()`` takes besides the name, as keywords or as one dict.

    Attributes:
        properties: What the event is about, at most 16; see the limits of the protocol.
        user_identifiers: Who did it, such as ``{"email": ...}``.
        timestamp: When it happened, if not now; a naive datetime is UTC.
    """

    properties: Mapping[str, Any]
    user_identifiers: Mapping[str, str | int]
    timestamp: datetime


_OPTIONS: Final = frozenset(TrackOptions.__annotations__)


class Tracker:
    """Turns calls of ``track()`` into pending events."""

    def __init__(self, *, put: Callable[[PendingEvent], bool], guard: Guard) -> None:
        """Hand events to ``put``, which tells whether it took them."""
        self._put: Final = put
        self._guard: Final = guard
        self._swallow: Final = guard.swallow("track")

    def track(
        self,
        name: str,
        options: object = None,
        /,
        *,
        context: RequestContext | None = None,
        keywords: dict[str, Any],
    ) -> str | None:
        """Take an event and return its id, or None if it is not accepted.

        Misuse is logged with its fix and counted; whatever can be kept of the event is kept.
        """
        with self._swallow:
            if not self._admits(name):
                return None
            event = self._pending(name, self._merged(options, keywords), context)
            return event.id if self._put(event) else None
        return None

    def _admits(self, name: object) -> bool:
        if not isinstance(name, str):
            kind = type(name).__name__
            self._guard.warn("name_type", "track() needs a str as the event's name, not %s", kind)
        elif not name:
            self._guard.warn("name_empty", "track() needs a name for the event, it is empty")
        elif len(name) > MAX_NAME_LENGTH:
            message = "track() takes names of at most %d characters; this one begins %r"
            self._guard.warn("name_length", message, MAX_NAME_LENGTH, name[:40])
        elif name.startswith(RESERVED_PREFIX):
            message = "track(%r): names that begin with %r are reserved, choose another"
            self._guard.warn("name_reserved", message, name, RESERVED_PREFIX)
        else:
            return True
        return False

    def _merged(self, options: object, keywords: dict[str, Any]) -> Mapping[str, Any]:
        if options is None:
            merged: Mapping[str, Any] = keywords
        elif isinstance(options, Mapping):
            merged = {**options, **keywords} if keywords else options
        else:
            message = "track() takes its options as a dict or as keywords, not as %s: ignored"
            self._guard.warn("options_type", message, type(options).__name__)
            merged = keywords
        if not merged.keys() <= _OPTIONS:
            unknown = ", ".join(repr(key) for key in merged if key not in _OPTIONS)
            message = "track() does not know the option %s, ignored; there are: %s"
            known = ", ".join(sorted(_OPTIONS))
            self._guard.warn("option_unknown", message, unknown[:200], known)
        return merged

    def _pending(
        self, name: str, options: Mapping[str, Any], context: RequestContext | None
    ) -> PendingEvent:
        copier = Copier()
        now = time.time_ns() // 1_000_000
        properties = self._properties(options.get("properties"), copier)
        identifiers = self._identifiers(options.get("user_identifiers"), copier)
        timestamp = options.get("timestamp")
        return PendingEvent(
            id=new_event_id(now),
            name=copier.text(name),
            timestamp=now if timestamp is None else self._milliseconds(timestamp, now),
            tracked_at=time.monotonic(),
            properties=properties,
            user_identifiers=identifiers,
            context=context,
            truncated=copier.truncated,
            size=EVENT_BYTES + copier.size,
        )

    def _properties(self, properties: object, copier: Copier) -> dict[str, Any]:
        if properties is None:
            return {}
        if not isinstance(properties, Mapping):
            message = "track() takes properties as a dict, not as %s: ignored"
            self._guard.warn("properties_type", message, type(properties).__name__)
            return {}
        if len(properties) > MAX_PROPERTIES:
            copier.truncated = True
            left_out = ", ".join(repr(key) for key in islice(properties, MAX_PROPERTIES, None))
            message = "track() takes %d properties an event; left out: %s"
            self._guard.warn("properties_count", message, MAX_PROPERTIES, left_out[:200])
        return {
            copier.text(key, MAX_PROPERTY_NAME_LENGTH): copier.copy(value)
            for key, value in islice(properties.items(), MAX_PROPERTIES)
        }

    def _identifiers(self, identifiers: object, copier: Copier) -> dict[str, str | int]:
        if identifiers is None:
            return {}
        if not isinstance(identifiers, Mapping):
            message = "user_identifiers must be a dict such as {'email': ...}, not %s: ignored"
            self._guard.warn("identifiers_type", message, type(identifiers).__name__)
            return {}
        if len(identifiers) > MAX_IDENTIFIERS:
            copier.truncated = True
            message = "user_identifiers may have %d entries; the first ones are kept"
            self._guard.warn("identifiers_count", message, MAX_IDENTIFIERS)
        return {
            copier.text(key, MAX_PROPERTY_NAME_LENGTH): copier.text(value, MAX_IDENTIFIER_LENGTH)
            for key, value in islice(identifiers.items(), MAX_IDENTIFIERS)
            if value is not None
        }

    def _milliseconds(self, timestamp: object, now: int) -> int:
        if not isinstance(timestamp, datetime):
            message = "timestamp must be a datetime, not %s: the present is taken"
            self._guard.warn("timestamp_type", message, type(timestamp).__name__)
            return now
        if timestamp.tzinfo is None:
            message = "timestamp has no time zone: taken as UTC; give datetime.now(UTC) or the like"
            self._guard.warn("timestamp_naive", message)
            timestamp = timestamp.replace(tzinfo=UTC)
        milliseconds = (timestamp - _EPOCH) // _MILLISECOND
        return min(max(milliseconds, MIN_TIMESTAMP), MAX_TIMESTAMP)
