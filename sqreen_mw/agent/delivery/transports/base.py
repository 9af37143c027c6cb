"""The seam to the outside: a transport is given batches and tells what became of each."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from sqreen_mw.agent.delivery.batch import Batch


@dataclass(frozen=True, slots=True)
class Delivered:
    """The batch is settled: the other side has its events, but for ``rejected`` ones.

    ``detail`` says why the first of them was rejected.
    """

    rejected: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """The batch may go through later: after ``after`` seconds, if the other side named them."""

    reason: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The other side takes smaller batches only."""


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """The other side will take the batch once a setting is right, such as the token or the URL."""

    setting: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The other side will never take the batch."""

    reason: str


Outcome: TypeAlias = Delivered | Retry | TooLarge | Misconfigured | Refused


class Transport(Protocol):
    """Where batches go. All methods run on the flusher's own loop and thread."""

    async def send(self, batch: Batch, *, seconds: float) -> Outcome:
        """Hand over a batch within so many seconds; it never raises for the other side's faults."""

    async def close(self) -> None:
        """Let go of connections and files."""


@runtime_checkable
class AcceptsHeartbeats(Protocol):
    """A transport to somebody who wants to know how this process is."""

    async def send_heartbeat(self, body: bytes, *, seconds: float) -> bytes | None:
        """Hand over a heartbeat within so many seconds, and return the answer to it, if any."""
