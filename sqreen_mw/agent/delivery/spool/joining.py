"""Sends what lies in the spool in batches as large as fresh ones, however small it was written."""

from collections.abc import Iterable
from typing import Final

from msgspec import structs

from sqreen_mw.agent.delivery.batch import BATCH_BYTES, BATCH_EVENTS, Batch, make_batch
from sqreen_mw.agent.delivery.spool.disk import DiskSpool
from sqreen_mw.protocol.batch import Envelope


class JoiningSpool:
    """A spool whose batches travel together; on disk each stays as it was written.

    A collector that takes its time to answer would else be given a few events a round trip.

    Attributes:
        disk: Where the batches lie.
    """

    def __init__(self, disk: DiskSpool) -> None:
        self.disk: Final = disk
        self._parts: Final[dict[str, list[Batch]]] = {}

    @property
    def persist_after(self) -> float:
        """Seconds after ``track()`` from which an event belongs in the spool."""
        return self.disk.persist_after

    @property
    def exit_reserve(self) -> float:
        """Seconds of the exit's that are needed to write what is left."""
        return self.disk.exit_reserve

    @property
    def next_batch_at(self) -> float:
        """Monotonic seconds from which ``next_batch`` may have a batch."""
        return self.disk.next_batch_at

    def contains(self, batch: Batch) -> bool:
        """Tell whether a batch that is being sent lies there as well."""
        return batch.id in self._parts or self.disk.contains(batch)

    def persist(self, batch: Batch) -> bool:
        """Write a batch that is being sent, unless it lies there."""
        return batch.id in self._parts or self.disk.persist(batch)

    def requeue(self, batch: Batch) -> bool:
        """See that a batch which is not being sent any more lies in the spool."""
        return all(self.disk.requeue(part) for part in self._forget(batch))

    def next_batch(self) -> Batch | None:
        """Return a batch of what lies there, oldest first, up to the bounds of a batch."""
        load = _Load()
        while (part := self.disk.next_batch(load.fits)) is not None:
            load.add(part)
        if len(load.parts) <= 1:
            return load.parts[0] if load.parts else None
        joined = _join(load.parts)
        self._parts[joined.id] = load.parts
        return joined

    def ack(self, batch: Batch) -> None:
        """Forget a batch and what it was joined from."""
        for part in self._forget(batch):
            self.disk.ack(part)

    def replace(self, batch: Batch, others: Iterable[Batch]) -> None:
        """Write the others before the batch goes, if it lies there."""
        self.disk.replace(self._forget(batch), others)

    def close(self) -> None:
        """Leave to other processes what lies there."""
        self.disk.close()

    def _forget(self, batch: Batch) -> list[Batch]:
        """Return what lies on disk of a batch, which is the batch itself if it was not joined."""
        return self._parts.pop(batch.id, [batch])


class _Load:
    """Batches that can travel as one: of one process, and within the bounds."""

    def __init__(self) -> None:
        self.parts: Final[list[Batch]] = []
        self._events = 0
        self._bytes = 0

    def fits(self, batch: Batch) -> bool:
        """Tell whether a batch may join; the first one does, whatever it is."""
        return not self.parts or (
            self._events + len(batch) <= BATCH_EVENTS
            and self._bytes + len(batch.body) <= BATCH_BYTES
            and _header(batch) == _header(self.parts[0])
        )

    def add(self, batch: Batch) -> None:
        """Take a batch up."""
        self.parts.append(batch)
        self._events += len(batch)
        self._bytes += len(batch.body)


def _header(batch: Batch) -> Envelope:
    return structs.replace(batch.envelope, events=[])


def _join(parts: list[Batch]) -> Batch:
    """Return a new batch of the events of several."""
    events = [event for part in parts for event in part.envelope.events]
    tracked_at = [moment for part in parts for moment in part.tracked_at]
    return make_batch(_header(parts[0]), events=events, tracked_at=tracked_at)
