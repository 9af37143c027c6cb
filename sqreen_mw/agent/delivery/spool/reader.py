"""Reads the segments of this process, and of processes that have ended, one after the other."""

import time
from collections import deque
from typing import Final

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.spool.bounds import FULL
from sqreen_mw.agent.delivery.spool.files import remove
from sqreen_mw.agent.delivery.spool.ground import Ground
from sqreen_mw.agent.delivery.spool.holdings import DAMAGED, Holding
from sqreen_mw.agent.delivery.spool.room import Room
from sqreen_mw.agent.delivery.spool.segment import Batches, read_batches

SCAN_SECONDS: Final = 60.0
"""How often to look for segments that are too old, or of processes that have ended."""


class Reader:
    """Gives batches in the order in which they were written."""

    def __init__(self, ground: Ground, room: Room) -> None:
        self._ground: Final = ground
        self._room: Final = room
        self._found: Final[deque[str]] = deque()
        self._batches: Final[deque[Batch]] = deque()
        self._source: Holding | None = None
        self._scan_at = 0.0
        self._took_all = True

    @property
    def due(self) -> float:
        """Monotonic seconds from which there may be a batch."""
        waits = self._batches or self._found or self._ground.holdings.first()
        return 0.0 if waits else self._scan_at

    def next(self) -> tuple[Batch, Holding] | None:
        """Return the next batch and the segment that it is in, or None.

        Raises:
            OSError: The directory can't be read now.
        """
        if self._source not in self._ground.holdings:
            self.rewind()
        while not self._batches and self._load():
            pass
        if self._source is None or not self._batches:
            return None
        return self._batches.popleft(), self._source

    def put_back(self, batch: Batch) -> None:
        """Give the batch that came last once more, as it is not sent now."""
        self._batches.appendleft(batch)

    def rewind(self) -> None:
        """Read from disk again, as a batch was not taken."""
        self._batches.clear()
        self._source = None

    def finish(self, holding: Holding) -> None:
        """Delete a segment of which all is settled.

        Raises:
            OSError: It can't be deleted now; a later process sends it again.
        """
        self._ground.holdings.forget(holding)
        with self._ground.directory.opened() as directory:
            remove(directory, holding.name)
        self._look_for_more()

    def _load(self) -> bool:
        """Read the next segment; tell whether there was one."""
        self.rewind()
        with self._ground.directory.opened() as directory:
            if time.monotonic() >= self._scan_at:
                self._scan(directory)
            holding = self._ground.holdings.first()
            name = self._find() if holding is None else holding.name
            if name is None:
                return False
            contents = self._contents(directory, name)
            if holding is None:
                events, settled = (contents.events, contents.settled) if contents else (0, 0)
                holding = self._ground.holdings.take_over(name, events=events, settled=settled)
            if contents is None:
                self._ground.holdings.lose(holding, FULL)
                self._look_for_more()
            else:
                self._begin(directory, holding, contents.batches[holding.settled :])
        return True

    def _begin(self, directory: int, holding: Holding, batches: list[Batch]) -> None:
        """Take a segment's batches; events that should be there, and are not, are counted."""
        self._ground.desks.end_segment(holding.name)
        self._ground.holdings.miss(holding, holding.events - sum(map(len, batches)))
        holding.records = len(batches)
        if batches:
            self._batches.extend(batches)
            self._source = holding
        else:
            self._ground.holdings.forget(holding)
            remove(directory, holding.name)
            self._look_for_more()

    def _look_for_more(self) -> None:
        """See that what was left is looked for again, where a part of it had to wait."""
        if not self._took_all and not self._found:
            self._scan_at = 0.0

    def _find(self) -> str | None:
        """Return a segment of a process that has ended, or None."""
        return self._found.popleft() if self._found else None

    def _scan(self, directory: int) -> None:
        """Remove what is too old, and take over a few of the desks that were left.

        The next ones come once these are done with.
        """
        self._scan_at = time.monotonic() + SCAN_SECONDS
        desks = self._ground.desks
        segments = self._room.make(directory)
        desks.leave(directory, segments=segments, own=False)
        used = dict.fromkeys(segment.desk for segment in segments)
        desks.tidy(directory, self._ground.directory.desks(directory) - used.keys())
        self._took_all = desks.inherit(directory, used)
        self._found.clear()
        self._found.extend(
            segment.name
            for segment in segments
            if segment.desk in desks and not self._ground.holdings.find(segment.name)
        )

    def _contents(self, directory: int, name: str) -> Batches | None:
        """Return what a segment holds, or None where another process removed it for room."""
        try:
            contents = read_batches(directory, name)
        except FileNotFoundError:
            return None
        if contents.damaged:
            message = "a batch of the spool was cut short or changed: its events are lost"
            self._ground.guard.warn(DAMAGED, message)
        return contents
