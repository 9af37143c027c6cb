"""An instance of an app as its spool sees it: a queue, a guard, batches, and a clock."""

import time
from dataclasses import dataclass
from pathlib import Path

from msgspec import Raw, structs

from sqreen_mw.agent.calls import Stats
from sqreen_mw.agent.delivery.batch import Batch, make_batch
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.spool.sqlite_spool import Clocks, spool_opener
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.sealing import SealedEvent
from sqreen_mw.protocol.batch import Envelope
from tests.support.samples import pending
from tests.support.waiting import PATIENCE


@dataclass
class FakeTime:
    """A clock that only moves when a test says so."""

    now: float = 1_800_000_000.0

    @property
    def clocks(self) -> Clocks:
        """Both clocks of a spool."""
        return Clocks(wall=lambda: self.now, monotonic=lambda: self.now)


class Instance:
    """A process that tracks events while its collector is away."""

    def __init__(
        self,
        folder: Path,
        *,
        size: int = 2**26,
        age: float = 3600,
        app: str = "shop",
        clock: FakeTime | None = None,
    ) -> None:
        self.clock = clock or FakeTime()
        self.guard = Guard()
        self.queue = EventQueue()
        opener = spool_opener(
            folder, app=app, size=size, age=age, guard=self.guard, clocks=self.clock.clocks
        )
        self.spool = opener(self.queue)

    def batch(self, *names: str, padding: int = 0) -> Batch:
        """Return a batch of events that are being sent."""
        for name in names:
            self.queue.put(pending(tracked_at=0.0))
            [event] = self.queue.take_ready(0.0, up_to=1.0)
            text = f'{{"event":"{name}","x":"{"x" * padding}"}}'
            self.queue.put_sealed(SealedEvent(text.encode(), event.tracked_at))
        events = [Raw(event.data) for event in self.queue.take_batch()]
        header = Envelope(app="shop", events=[])
        return make_batch(header, events=events, tracked_at=[0.0] * len(events))

    def batch_of(self, count: int, *, instance_id: str = "one", padding: int = 0) -> Batch:
        """Return a batch with a number of events of one instance."""
        batch = self.batch(*["x"] * count, padding=padding)
        header = structs.replace(batch.envelope, instance_id=instance_id, events=[])
        events = batch.envelope.events
        return make_batch(header, events=events, tracked_at=batch.tracked_at)

    def store(self, *names: str, padding: int = 0) -> Batch:
        """Put a batch into the spool, which other processes may lock for long on a busy machine."""
        batch = self.batch(*names, padding=padding)
        self.requeue(batch)
        return batch

    def requeue(self, batch: Batch) -> None:
        """Put a batch into the spool."""
        end = time.monotonic() + PATIENCE
        while not self.spool.requeue(batch):
            assert time.monotonic() < end
            time.sleep(0.1)

    def next_batch(self) -> Batch:
        """Return a batch of the spool, which must have one."""
        batch = self.spool.next_batch()
        assert batch is not None
        return batch

    def ack(self, batch: Batch) -> None:
        """Count a batch as delivered."""
        self.spool.ack(batch)
        self.queue.delivered(len(batch))

    def deliver(self) -> list[Batch]:
        """Send all batches of the spool, and return them."""
        sent: list[Batch] = []
        while (batch := self.spool.next_batch()) is not None:
            sent.append(batch)
            self.ack(batch)
        return sent

    @property
    def stats(self) -> Stats:
        """The counts, which must add up."""
        stats = self.queue.stats(self.guard.counts)
        settled = stats.delivered + stats.waiting + sum(stats.dropped.values())
        assert stats.tracked + stats.replayed == settled
        assert stats.waiting >= stats.spooled >= 0
        return stats


def events(*batches: Batch) -> list[bytes]:
    """Return the events of batches."""
    return [bytes(event) for batch in batches for event in batch.envelope.events]
