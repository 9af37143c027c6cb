"""An app instance, built from its heartbeats."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from sqreen_mw.protocol.heartbeat import HEARTBEAT_INTERVAL, INTENTIONAL_DROP_REASONS

SILENT_AFTER: Final = 2500 * HEARTBEAT_INTERVAL
"""Milliseconds without a heartbeat after which an instance counts as silent."""


def lost_events(dropped: Mapping[str, int]) -> int:
    """Return the number of lost events: dropped events, except intentional drops."""
    return sum(count for reason, count in dropped.items() if reason not in INTENTIONAL_DROP_REASONS)


class Instance(Struct, frozen=True, kw_only=True):
    """An instance at its last heartbeat. Times are milliseconds since the epoch, UTC.

    ``clock_skew`` is the collector's clock minus the instance's clock when the heartbeat arrived,
    in milliseconds. It includes the travel time of the heartbeat.
    """

    app: str
    env: str
    instance_id: str
    release: str | None
    sdk: str
    python: str | None
    host: str | None
    pid: int | None
    started_at: int
    last_seen: int
    clock_skew: int
    ended: bool
    tracked: int
    delivered: int
    waiting: int
    spooled: int
    replayed: int
    dropped: dict[str, int]
    misuse: dict[str, int]

    @property
    def lost(self) -> int:
        """The number of lost events."""
        return lost_events(self.dropped)

    @property
    def in_memory(self) -> int:
        """The number of waiting events that are not in the spool."""
        return max(0, self.waiting - self.spooled)

    def is_silent(self, now: int) -> bool:
        """Return True if heartbeats stopped and the instance did not report its end."""
        return not self.ended and now - self.last_seen > SILENT_AFTER


class Sample(Struct, frozen=True, kw_only=True):
    """Delivered and lost events of an instance in one time slot, and the most that waited."""

    at: int
    delivered: int
    lost: int
    waiting: int
