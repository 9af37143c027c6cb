"""The seam to the spool, and the one that keeps nothing."""

import math
from collections.abc import Sequence
from typing import ClassVar, Protocol

from sqreen_mw.agent.delivery.batch import Batch


class Spool(Protocol):
    """Where batches lie while the collector is away; used on the flusher's own thread only."""

    @property
    def persist_after(self) -> float:
        """Seconds after ``track()`` from which an event belongs in the spool; inf is never."""

    @property
    def exit_reserve(self) -> float:
        """Seconds of the exit's that are needed to write what is left."""

    @property
    def next_batch_at(self) -> float:
        """Monotonic seconds from which ``next_batch`` may have a batch."""

    def contains(self, batch: Batch) -> bool:
        """Tell whether a batch that is being sent lies there as well."""

    def persist(self, batch: Batch) -> bool:
        """Write a batch that is being sent, so that it outlives the process; tell whether it is."""

    def requeue(self, batch: Batch) -> bool:
        """See that a batch which is not being sent any more lies in the spool; tell whether so."""

    def next_batch(self) -> Batch | None:
        """Return a batch to send, which lies in the spool until it is settled."""

    def ack(self, batch: Batch) -> None:
        """Forget a batch: it is delivered, dropped, or its events are in other ones."""

    def replace(self, batch: Batch, others: Sequence[Batch]) -> None:
        """Forget a batch whose events are in others from now on, and hold those instead."""

    def close(self) -> None:
        """Leave to other processes what lies there."""


class NullSpool:
    """Keeps nothing: what can't be delivered waits in memory."""

    persist_after: ClassVar[float] = math.inf
    exit_reserve: ClassVar[float] = 0.0
    next_batch_at: ClassVar[float] = math.inf

    def contains(self, batch: Batch) -> bool:  # noqa: ARG002 nothing is kept
        """Return False: it does not."""
        return False

    def persist(self, batch: Batch) -> bool:  # noqa: ARG002 nothing is kept
        """Return False: it is not kept."""
        return False

    def requeue(self, batch: Batch) -> bool:  # noqa: ARG002 nothing is kept
        """Return False: it is not kept."""
        return False

    def next_batch(self) -> None:
        """Return None: there is nothing."""

    def ack(self, batch: Batch) -> None:
        """Do nothing."""

    def replace(self, batch: Batch, others: Sequence[Batch]) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def no_spool(_: object) -> Spool:
    """Return the spool of an app that has none."""
    return NullSpool()
