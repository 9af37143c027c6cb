"""A process of an app as its heartbeats tell of it."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from sqreen_mw.protocol.heartbeat import HEARTBEAT_INTERVAL, WANTED

QUIET_AFTER: Final = 2500 * HEARTBEAT_INTERVAL
"""Milliseconds without a heartbeat after which a process is not taken for alive any more."""


def lost_of(dropped: Mapping[str, int]) -> int:
    """Return how many of the dropped events are lost: those that the app wanted gone are not."""
    return sum(count for reason, count in dropped.items() if reason not in WANTED)


class Instance(Struct, frozen=True, kw_only=True):
    """A process as its last heartbeat told of it; times are milliseconds since the epoch, UTC.

    ``clock_skew`` is the collector's clock less the process's, in milliseconds, as the heartbeat
    arrived: the time that it took to arrive is in it.
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
        """The number of its events that are lost."""
        return lost_of(self.dropped)

    @property
    def in_memory(self) -> int:
        """The number of its events that waited where they do not outlive it."""
        return max(0, self.waiting - self.spooled)

    def is_quiet(self, now: int) -> bool:
        """Tell whether it has fallen silent without having said that it ends."""
        return not self.ended and now - self.last_seen > QUIET_AFTER


class Sample(Struct, frozen=True, kw_only=True):
    """What became of a process's events in one slot, and the most that waited."""

    at: int
    delivered: int
    lost: int
    waiting: int
