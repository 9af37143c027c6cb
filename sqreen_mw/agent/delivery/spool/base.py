"""The interface of a spool, and a spool that stores nothing."""

import math
from collections.abc import Sequence
from typing import ClassVar, Protocol

from sqreen_mw.agent.delivery.batch import Batch


class Spool(Protocol):
    """Stores batches while the collector is away; used on the flusher's thread only."""

    @property
    def persist_after(self) -> float:
        """Seconds after ``track()`` when an event should be in the spool; infinity means never."""

    @property
    def exit_reserve(self) -> float:
        """Seconds that writing the remaining events takes at the exit."""

    @property
    def next_batch_at(self) -> float:
        """Monotonic seconds from which ``next_batch`` may have a batch."""

    def contains(self, batch: Batch, /) -> bool:
        """Return whether a batch that is being sent is in the spool."""

    def persist(self, batch: Batch, /) -> bool:
        """Store a batch that is being sent; return whether it is in the spool."""

    def requeue(self, batch: Batch, /) -> bool:
        """Store a batch that is no longer being sent; return whether it is in the spool."""

    def next_batch(self) -> Batch | None:
        """Return the next batch to send; it stays in the spool until ``ack`` or ``requeue``."""

    def ack(self, batch: Batch, /) -> None:
        """Delete a batch whose events are delivered, dropped, or in other batches."""

    def replace(self, batch: Batch, others: Sequence[Batch], /) -> None:
        """Delete a batch, and store others that have its events and are being sent."""

    def close(self) -> None:
        """Leave the batches to other processes."""


class NullSpool:
    """Stores nothing: events that can't be delivered wait in memory."""

    persist_after: ClassVar[float] = math.inf
    exit_reserve: ClassVar[float] = 0.0
    next_batch_at: ClassVar[float] = math.inf

    def contains(self, _: Batch, /) -> bool:
        """Return False."""
        return False

    def persist(self, _: Batch, /) -> bool:
        """Return False."""
        return False

    def requeue(self, _: Batch, /) -> bool:
        """Return False."""
        return False

    def next_batch(self) -> None:
        """Return None."""

    def ack(self, batch: Batch, /) -> None:
        """Do nothing."""

    def replace(self, batch: Batch, others: Sequence[Batch], /) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def no_spool(_: object) -> Spool:
    """Return the spool of an app that has none."""
    return NullSpool()
