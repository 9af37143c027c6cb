"""An event between ``track()`` and its batch: pending, then sealed."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from sqreen_mw.agent.context import Identity, RequestContext

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
