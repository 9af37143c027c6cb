"""The seam to the spool, and the one that keeps nothing."""

import math
from collections.abc import Iterable
from typing import ClassVar, Protocol

from sqreen_mw.agent.delivery.batch import Batch


class Spool(Protocol):
    """Where batches lie while the collector is away; used on the flusher's own thread only."""

    @property
    def keeps_within(self) -> float:
        """Seconds after ``track()`` from which an event belongs in the spool; inf is never."""

    @property
    def exit_seconds(self) -> float:
        """Seconds of the exit's that are needed to write what is left."""

    @property
    def due(self) -> float:
        """Monotonic seconds from which ``take`` may have a batch."""

    def holds(self, batch: Batch) -> bool:
        """Tell whether a batch that is being sent lies there as well."""

    def hold(self, batch: Batch) -> bool:
        """Write a batch that is being sent, so that it outlives the process; tell whether it is."""

    def stow(self, batch: Batch) -> bool:
        """See that a batch which is not being sent any more lies in the spool; tell whether so."""

    def take(self) -> Batch | None:
        """Return a batch to send, which lies in the spool until it is settled."""

    def settle(self, batch: Batch) -> None:
        """Forget a batch: it is delivered, dropped, or its events are in other ones."""

    def replace(self, batch: Batch, others: Iterable[Batch]) -> None:
        """Forget a batch whose events are in others from now on, and hold those instead."""

    def close(self) -> None:
        """Leave to other processes what lies there."""


class NullSpool:
    """Keeps nothing: what can't be delivered waits in memory."""

    keeps_within: ClassVar[float] = math.inf
    exit_seconds: ClassVar[float] = 0.0
    due: ClassVar[float] = math.inf

    def holds(self, batch: Batch) -> bool:  # noqa: ARG002 nothing is kept
        """Return False: it does not."""
        return False

    def hold(self, batch: Batch) -> bool:  # noqa: ARG002 nothing is kept
        """Return False: it is not kept."""
        return False

    def stow(self, batch: Batch) -> bool:  # noqa: ARG002 nothing is kept
        """Return False: it is not kept."""
        return False

    def take(self) -> None:
        """Return None: there is nothing."""

    def settle(self, batch: Batch) -> None:
        """Do nothing."""

    def replace(self, batch: Batch, others: Iterable[Batch]) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def no_spool(_: object) -> Spool:
    """Return the spool of an app that has none."""
    return NullSpool()
