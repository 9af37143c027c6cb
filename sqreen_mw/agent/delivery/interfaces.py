"""The interfaces of transports and spools, the possible outcomes of a batch, and no spool."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias, runtime_checkable

from sqreen_mw.agent.delivery.batch import Batch


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has the events of the batch, except rejected ones.

    Attributes:
        rejected: The number of rejected events.
        detail: Why the first of them was rejected.
    """

    rejected: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """The batch may succeed later; ``after`` has the seconds that the receiver asked for."""

    reason: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The receiver accepts only smaller batches."""


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """The receiver will accept the batch once a setting is fixed, such as the token or the URL."""

    setting: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver will never accept the batch."""

    reason: str


Outcome: TypeAlias = Delivered | Retry | TooLarge | Misconfigured | Refused


class Transport(Protocol):
    """Sends batches. All methods run on the flusher's loop and thread."""

    async def send(self, batch: Batch, *, seconds: float) -> Outcome:
        """Send a batch within ``seconds``. Failures of the receiver are returned, not raised."""

    async def close(self) -> None:
        """Close connections and files."""


@runtime_checkable
class AcceptsHeartbeats(Protocol):
    """A transport whose receiver accepts heartbeats."""

    async def send_heartbeat(self, body: bytes, *, seconds: float) -> bytes | None:
        """Send a heartbeat within ``seconds``; return the answer, or None."""


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
