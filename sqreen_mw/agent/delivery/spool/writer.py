"""Writes batches to this process's own segments."""

from typing import Final

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.spool.bounds import Bounds
from sqreen_mw.agent.delivery.spool.desks import Desks
from sqreen_mw.agent.delivery.spool.directory import Directory
from sqreen_mw.agent.delivery.spool.files import append
from sqreen_mw.agent.delivery.spool.holdings import Holding, Holdings
from sqreen_mw.agent.delivery.spool.room import Room
from sqreen_mw.agent.delivery.spool.segment import HEAD, begin, encode_record


class Writer:
    """Appends to the last segment of the process, or begins the next one.

    What is written is the system's from then on: it outlives the process, however that ends. It is
    not forced to the disk, so the end of the machine may cost what the last seconds wrote.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        bounds: Bounds,
        desks: Desks,
        holdings: Holdings,
        room: Room,
    ) -> None:
        self._directory: Final = directory
        self._bounds: Final = bounds
        self._desks: Final = desks
        self._holdings: Final = holdings
        self._room: Final = room

    def write(self, batch: Batch) -> Holding:
        """Write a batch, and return the segment that it is in.

        Raises:
            OSError: It can't be written.
        """
        record = encode_record(batch)
        more = HEAD + len(record)
        with self._directory.opened() as directory:
            self._desks.sit_down(directory)
            segments = self._room.make(directory, more)
            name = self._desks.segment_for(segments, more=more, bounds=self._bounds)
            try:
                if any(segment.name == name for segment in segments):
                    append(directory, name, record)
                else:
                    begin(directory, name, record)
            except OSError:
                self._desks.end_segment()  # nothing may come after what is half a record
                raise
        return self._holdings.wrote(name)

    def write_alone(self, batch: Batch) -> Holding:
        """Write a batch to a segment of its own.

        Raises:
            OSError: It can't be written.
        """
        self._desks.end_segment()
        holding = self.write(batch)
        self._desks.end_segment()
        return holding
