"""Room in the spool: the oldest segments go where a bound is reached, and are counted."""

import time
from typing import Final

from sqreen_mw.agent.delivery.spool.bounds import FULL
from sqreen_mw.agent.delivery.spool.directory import Segment
from sqreen_mw.agent.delivery.spool.files import remove
from sqreen_mw.agent.delivery.spool.ground import Ground
from sqreen_mw.agent.delivery.spool.holdings import Holding
from sqreen_mw.agent.delivery.spool.segment import read_batches


class Room:
    """Keeps the segments of all processes within their bounds; whoever writes sees to it."""

    def __init__(self, ground: Ground) -> None:
        self._ground: Final = ground

    def make(self, directory: int, more: int = 0) -> list[Segment]:
        """Remove what must go so that more bytes have room, and return the segments that stay.

        Raises:
            OSError: A file can't be read or deleted.
        """
        segments = self._ground.directory.segments(directory)
        self._tell(FULL, self._ground.holdings.compare({segment.name for segment in segments}))
        now = time.time_ns() // 1_000_000
        for segment, reason in list(self._ground.bounds.exceeding(segments, more=more, now=now)):
            holding = self._answerable(directory, segment)
            remove(directory, segment.name)
            segments.remove(segment)
            if holding is not None:
                self._tell(reason, self._ground.holdings.lose(holding, reason))
        return segments

    def _answerable(self, directory: int, segment: Segment) -> Holding | None:
        """Return what is lost with a segment, or None where a process that lives counts it."""
        holding = self._ground.holdings.find(segment.name)
        if holding is None and self._ground.desks.is_left(directory, segment.desk):
            events = read_batches(directory, segment.name).events
            holding = self._ground.holdings.take_over(segment.name, events=events)
        return holding

    def _tell(self, reason: str, lost: int) -> None:
        if lost:
            message = "%d events are lost, %s: the spool takes no more, so its oldest go"
            self._ground.guard.warn(reason, message, lost, reason)
