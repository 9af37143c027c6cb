"""An event between ``track()`` and the batch: pending, then sealed."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from sqreen_mw.agent.context import Identity, RequestContext

SEAL_AFTER: Final = 1.0
"""Seconds after ``track()`` from which an event no longer waits for its request to end."""

_SEALED_BYTES: Final = 130
"""About the bytes of memory of a sealed event, besides those of its JSON."""


_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class PendingEvent(Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """A tracked event that is not sealed yet: its values are copies, its request still runs.

    ``properties_json`` is empty where it has none. ``tracked_at`` is seconds of the monotonic
    clock; ``size`` is about the bytes of memory held. The garbage collector need not look at it:
    nothing that it holds leads back to it.
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
        """A copy of what the app handed over."""
        return _decode(self.properties_json) if self.properties_json else {}

    def ready(self, now: float) -> bool:
        """Tell whether nothing more is to be waited for."""
        if self.context is None or not self.context.holds_events:
            return True
        return now - self.tracked_at >= SEAL_AFTER


class SealedEvent(Struct, frozen=True, eq=False, gc=False):
    """An event as it leaves the process: its JSON, and when it was tracked (monotonic seconds)."""

    data: bytes
    tracked_at: float

    @property
    def size(self) -> int:
        """About the bytes of memory held."""
        return len(self.data) + _SEALED_BYTES
