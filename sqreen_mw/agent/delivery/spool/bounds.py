"""How much a spool may hold, for how long, and what goes when that is reached."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqreen_mw.agent.delivery.spool.directory import Segment

FULL: Final = "spool_full"
EXPIRED: Final = "spool_expired"

_PARTS: Final = 16
"""Segments of a spool that is full, or of its whole time, at least."""

_SEGMENT_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one app's segments, of all its processes together.

    Attributes:
        size: Bytes.
        age: Seconds.
    """

    size: int
    age: float

    def fits(self, segment: Segment, *, more: int, now: int) -> bool:
        """Tell whether a segment takes so many bytes more at a moment (milliseconds)."""
        limit = min(_SEGMENT_BYTES, self.size // _PARTS)
        is_young = 0 <= now - segment.began <= self.age * 1000 / _PARTS
        return is_young and segment.size + more <= limit

    def exceeding(
        self, segments: Sequence[Segment], *, more: int, now: int
    ) -> Iterator[tuple[Segment, str]]:
        """Return which segments must go so that more bytes have room, oldest first, and why."""
        size = sum(segment.size for segment in segments) + more
        for segment in segments:
            expired = now - segment.began > self.age * 1000
            if expired or size > self.size:
                size -= segment.size
                yield segment, EXPIRED if expired else FULL
