"""The interface of transports, and the possible outcomes of a batch."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

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
