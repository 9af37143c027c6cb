"""The rows of this process, and the counts of their events."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.spool.batch_table import Row
from sqreen_mw.agent.guard import Guard

FULL: Final = "spool_full"
EXPIRED: Final = "spool_expired"
DAMAGED: Final = "spool_damaged"

_REASONS: Final = {
    FULL: "the spool is full and the oldest events go first, set a larger SQREEN_SPOOL_SIZE",
    EXPIRED: "they were in the spool for longer than SQREEN_SPOOL_AGE",
    DAMAGED: "files of the spool were damaged or deleted",
}


class StoredEvents:
    """Keeps the counts of the queue in step with the rows in the database.

    Attributes:
        waiting: The events in the database that are not being sent.
        acked: The rows that are to be deleted.
    """

    def __init__(self, queue: EventQueue, guard: Guard) -> None:
        self.waiting: int = 0
        self.acked: Final[list[Row]] = []
        self._queue: Final = queue
        self._guard: Final = guard
        self._sending: Final[dict[str, list[Row]]] = {}
        self._evicted: Final[dict[str, Row]] = {}

    @property
    def row_ids(self) -> set[str]:
        """The ids of the rows that are being sent, or are to be deleted."""
        return {row.id for rows in (self.acked, *self._sending.values()) for row in rows}

    def is_sending(self, batch: Batch) -> bool:
        """Return whether a batch that is being sent is stored."""
        return batch.id in self._sending

    def rows_of(self, batch: Batch) -> list[Row]:
        """Return the rows of a batch that is being sent."""
        return self._sending[batch.id]

    def persisted(self, batch: Batch, row: Row) -> None:
        """Count a batch that is being sent as stored."""
        self._queue.spooled(row.events)
        self._sending[batch.id] = [row]

    def send(self, batch: Batch, rows: list[Row]) -> None:
        """Start sending rows as one batch."""
        self.waiting -= _events(rows)
        self._sending[batch.id] = rows

    def requeue(self, batch_id: str) -> None:
        """Stop sending a batch, and count its rows that were evicted meanwhile."""
        rows = self._sending.pop(batch_id)
        self.waiting += _events(rows)
        self.lose(self._evicted.pop(row.id) for row in rows if row.id in self._evicted)

    def requeue_all(self) -> None:
        """Stop sending all batches."""
        for batch_id in list(self._sending):
            self.requeue(batch_id)

    def ack(self, batch: Batch) -> None:
        """Count a batch as no longer stored: its events are in memory, its rows await deletion."""
        rows = self._sending.pop(batch.id)
        for row in rows:
            self._evicted.pop(row.id, None)
        self.acked.extend(rows)
        self._queue.unspooled(_events(rows))

    def claim(self, events: int) -> None:
        """Count events of a process that has ended, which this one sends."""
        self._queue.adopted(events)
        self._queue.spooled(events)
        self.waiting += events

    def lose(self, rows: Iterable[Row]) -> None:
        """Count rows that are gone; one that is being sent is counted if that fails."""
        acked = {row.id for row in self.acked}
        sending = {row.id for sent in self._sending.values() for row in sent}
        lost = Counter[str]()
        for row in rows:
            if row.id in sending:
                self._evicted[row.id] = row
            elif row.id not in acked:
                lost[row.evicted or DAMAGED] += row.events
        for reason, events in lost.items():
            self._lose(reason, events)

    def lose_waiting(self) -> None:
        """Count all waiting events as gone: the database has none."""
        if self.waiting:
            self._lose(DAMAGED, self.waiting)

    def _lose(self, reason: str, events: int) -> None:
        self.waiting -= events
        message = "%d events are lost, %s: %s"
        self._guard.warn(reason, message, events, reason, _REASONS[reason])
        self._queue.lost_in_spool(reason, events)


def _events(rows: Iterable[Row]) -> int:
    return sum(row.events for row in rows)
