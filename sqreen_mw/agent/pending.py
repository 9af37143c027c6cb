"""An event between ``track()`` and the batch."""

from typing import Any, Final

from msgspec import Struct

from sqreen_mw.agent.context import RequestContext

SEAL_AFTER: Final = 1.0
"""Seconds after ``track()`` from which an event no longer waits for its request to end."""


class PendingEvent(Struct, frozen=True, kw_only=True, eq=False):
    """A tracked event that is not sealed yet: its values are copies, its request still runs.

    ``tracked_at`` is seconds of the monotonic clock; ``size`` is about the bytes of memory held.
    """

    id: str
    name: str
    timestamp: int
    tracked_at: float
    properties: dict[str, Any]
    user_identifiers: dict[str, str | int]
    context: RequestContext | None
    truncated: bool
    size: int

    def ready(self, now: float) -> bool:
        """Tell whether nothing more is to be waited for."""
        if self.context is None or not self.context.running:
            return True
        return now - self.tracked_at >= SEAL_AFTER
