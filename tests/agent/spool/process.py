"""A process as its spool sees it: a buffer, a guard, and batches."""

import time
from pathlib import Path

from msgspec import Raw, structs

from sqreen_mw.agent.delivery.batch import Batch, make_batch
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.spool.joining import JoiningSpool
from sqreen_mw.agent.delivery.spool.opening import spool_opener
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.pending import SealedEvent
from sqreen_mw.agent.stats import Stats
from sqreen_mw.protocol.batch import Envelope
from tests.support.samples import pending
from tests.support.waiting import PATIENCE


class Process:
    """One that tracks events, and whose collector is away."""

    def __init__(
        self, folder: Path, *, size: int = 2**26, age: int = 3600, owner: str = "shop"
    ) -> None:
        self.guard = Guard()
        self.buffer = EventQueue()
        opener = spool_opener(folder, owner=owner, size=size, age=age, guard=self.guard)
        spool = opener(self.buffer)
        assert isinstance(spool, JoiningSpool)
        self.joining = spool
        self.spool = spool.disk

    def batch(self, *names: str, padding: int = 0) -> Batch:
        """Return a batch of events that are under way."""
        for name in names:
            self.buffer.put(pending(tracked_at=0.0))
            [event] = self.buffer.take_ready(0.0, wanted=1.0)
            text = f'{{"event":"{name}","x":"{"x" * padding}"}}'
            self.buffer.put_sealed(SealedEvent(text.encode(), event.tracked_at))
        events = [Raw(event.data) for event in self.buffer.take_batch()]
        header = Envelope(app="shop", events=[])
        return make_batch(header, events=events, tracked_at=[0.0] * len(events))

    def batch_of(self, count: int, *, instance_id: str = "one", padding: int = 0) -> Batch:
        """Return a batch of so many events of a process."""
        batch = self.batch(*["x"] * count, padding=padding)
        header = structs.replace(batch.envelope, instance_id=instance_id, events=[])
        events = batch.envelope.events
        return make_batch(header, events=events, tracked_at=batch.tracked_at)

    def stow(self, *names: str, padding: int = 0) -> Batch:
        """Put a batch into the spool, which others may hold for long on a busy machine."""
        batch = self.batch(*names, padding=padding)
        end = time.monotonic() + PATIENCE
        while not self.spool.requeue(batch):
            assert time.monotonic() < end
            time.sleep(0.1)
        return batch

    def deliver(self) -> list[Batch]:
        """Send what the spool has until it has no more, and return it."""
        sent: list[Batch] = []
        while (batch := self.spool.next_batch()) is not None:
            sent.append(batch)
            self.spool.ack(batch)
            self.buffer.delivered(len(batch))
        return sent

    @property
    def stats(self) -> Stats:
        """What became of the events, which add up."""
        stats = self.buffer.stats(self.guard.counts)
        told = stats.delivered + stats.waiting + sum(stats.dropped.values())
        assert stats.tracked + stats.replayed == told
        return stats
