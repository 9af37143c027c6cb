"""An event between ``track()`` and the batch: pending, then sealed."""

from typing import Any, Final

from msgspec import Struct

from sqreen_mw.agent.context import Identity, RequestContext

SEAL_AFTER: Final = 1.0
"""Seconds after ``track()`` from which an event no longer waits for its request to end."""

_SEALED_BYTES: Final = 130
"""About the bytes of memory of a sealed event, besides those of its JSON."""


class PendingEvent(Struct, frozen=True, kw_only=True, eq=False):
    """A tracked event that is not sealed yet: its values are copies, its request still runs.

    ``tracked_at`` is seconds of the monotonic clock; ``size`` is about the bytes of memory held.
    """

    id: str
    name: str
    timestamp: int
    tracked_at: float
    properties: dict[str, Any]
    identity: Identity | None
    context: RequestContext | None
    with_body: bool
    truncated: bool
    size: int

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
