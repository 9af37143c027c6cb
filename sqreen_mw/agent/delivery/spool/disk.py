"""The spool on disk: batches in segments of a directory that an app's processes share."""

import time
from collections.abc import Callable, Iterable
from typing import ClassVar, Final

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.queue import Buffer
from sqreen_mw.agent.delivery.spool.bounds import FULL, Bounds
from sqreen_mw.agent.delivery.spool.desks import Desks
from sqreen_mw.agent.delivery.spool.directory import Directory
from sqreen_mw.agent.delivery.spool.faults import DiskFaults
from sqreen_mw.agent.delivery.spool.ground import Ground
from sqreen_mw.agent.delivery.spool.holdings import Holding, Holdings
from sqreen_mw.agent.delivery.spool.locks import forget_inherited
from sqreen_mw.agent.delivery.spool.reader import Reader
from sqreen_mw.agent.delivery.spool.room import Room
from sqreen_mw.agent.delivery.spool.segment import MARK_BYTES, mark
from sqreen_mw.agent.delivery.spool.writer import Writer
from sqreen_mw.agent.guard import Guard

FAULT_SECONDS: Final = 5.0
"""How soon to read again where that failed."""


class DiskSpool:
    """Keeps batches in segments; a disk that fails costs one log line, and nothing else."""

    persist_after: ClassVar[float] = 0.5
    exit_reserve: ClassVar[float] = 0.3

    def __init__(
        self, buffer: Buffer, *, directory: Directory, bounds: Bounds, guard: Guard
    ) -> None:
        forget_inherited()  # of a fork in C, which runs no hooks
        self._buffer: Final = buffer
        self._keeping: Final = buffer.keeping
        self._directory: Final = directory
        self._faults: Final = DiskFaults(guard)
        self._desks: Final = Desks(directory.key)
        self._holdings: Final = Holdings(buffer)
        ground = Ground(
            directory=directory,
            bounds=bounds,
            desks=self._desks,
            holdings=self._holdings,
            guard=guard,
        )
        self._room: Final = Room(ground)
        self._writer: Final = Writer(ground, self._room)
        self._reader: Final = Reader(ground, self._room)
        self._sending: Final[dict[str, Holding]] = {}
        self._read_at = 0.0

    @property
    def next_batch_at(self) -> float:
        """Monotonic seconds from which ``next_batch`` may have a batch."""
        return max(self._read_at, self._reader.due)

    def contains(self, batch: Batch) -> bool:
        """Tell whether a batch that is being sent lies on disk, or had to make room there."""
        return batch.id in self._sending

    def persist(self, batch: Batch) -> bool:
        """Write a batch that is being sent to a segment of its own."""
        if not self.contains(batch):
            with self._keeping, self._faults:
                if not self._buffer.abandoned:
                    self._sending[batch.id] = self._writer.write_alone(batch)
        return self.contains(batch)

    def requeue(self, batch: Batch) -> bool:
        """Write a batch that could not be sent, unless it lies there already, or is given up.

        One that had to make room there meanwhile is lost, as it is older than what has its place.
        """
        holding = self._sending.pop(batch.id, None)
        if holding is not None:
            self._reader.rewind()
        elif (holding := self._written(batch)) is None:
            return False
        self._holdings.leave(holding, len(batch))
        if holding not in self._holdings:
            self._holdings.lose(holding, FULL)
        return True

    def next_batch(self, fits: Callable[[Batch], bool] = lambda _: True) -> Batch | None:
        """Return the oldest batch of this process, or else of one that has ended.

        Args:
            fits: Tells whether that one is wanted; else it stays, and there is none.
        """
        found = None
        self._read_at = time.monotonic() + FAULT_SECONDS
        with self._faults:
            found = self._reader.next()
            self._read_at = 0.0
        if found is None:
            return None
        batch, holding = found
        if not fits(batch):
            self._reader.put_back(batch)
            return None
        self._holdings.send(holding, len(batch))
        self._sending[batch.id] = holding
        return batch

    def ack(self, batch: Batch) -> None:
        """Forget a batch; with the last one of a segment, its file goes."""
        self.replace([batch], [])

    def replace(self, batches: Iterable[Batch], others: Iterable[Batch]) -> None:
        """Write the others before the batches go, if these lie there."""
        held = [batch for batch in batches if self.contains(batch)]
        with self._keeping:  # events that lie there at the end are not lost, in whichever batch
            for batch in held:
                self._holdings.lift(len(batch))
            for other in others if held else ():
                self.persist(other)
        for batch in held:
            self._finish(self._sending.pop(batch.id))

    def close(self) -> None:
        """Leave to others what lies there, and what they need not send again."""
        with self._faults, self._directory.opened() as directory:
            if begun := self._holdings.begun():
                self._room.make(directory, len(begun) * MARK_BYTES)
            for holding in self._holdings.begun():
                mark(directory, holding.name, holding.settled)
            segments = self._directory.segments(directory)
            self._desks.leave(directory, segments=segments, own=True)
        self._desks.release()

    def _finish(self, holding: Holding) -> None:
        holding.settled += 1
        holding.records -= 1
        if not holding.records and holding in self._holdings:
            with self._faults:
                self._reader.finish(holding)

    def _written(self, batch: Batch) -> Holding | None:
        with self._keeping, self._faults:
            if not self._buffer.abandoned:
                return self._writer.write(batch)
        return None
