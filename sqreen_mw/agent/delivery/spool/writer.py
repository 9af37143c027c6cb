"""Writes batches to this process's own segments."""

from typing import Final

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.spool.files import append
from sqreen_mw.agent.delivery.spool.ground import Ground
from sqreen_mw.agent.delivery.spool.holdings import Holding
from sqreen_mw.agent.delivery.spool.room import Room
from sqreen_mw.agent.delivery.spool.segment import HEAD, begin, encode_record


class Writer:
    """Appends to the last segment of the process, or begins the next one.

    What is written is the system's from then on: it outlives the process, however that ends. It is
    not forced to the disk, so the end of the machine may cost what the last seconds wrote.
    """

    def __init__(self, ground: Ground, room: Room) -> None:
        self._ground: Final = ground
        self._room: Final = room

    def write(self, batch: Batch) -> Holding:
        """Write a batch, and return the segment that it is in.

        Raises:
            OSError: It can't be written.
        """
        record = encode_record(batch)
        more = HEAD + len(record)
        with self._ground.directory.opened() as directory:
            self._ground.desks.sit_down(directory)
            segments = self._room.make(directory, more)
            name = self._ground.desks.segment_for(segments, more=more, bounds=self._ground.bounds)
            try:
                if any(segment.name == name for segment in segments):
                    append(directory, name, record)
                else:
                    begin(directory, name, record)
            except OSError:
                self._ground.desks.end_segment()  # nothing may come after what is half a record
                raise
        return self._ground.holdings.wrote(name, events=len(batch))

    def write_alone(self, batch: Batch) -> Holding:
        """Write a batch to a segment of its own.

        Raises:
            OSError: It can't be written.
        """
        self._ground.desks.end_segment()
        holding = self.write(batch)
        self._ground.desks.end_segment()
        return holding
