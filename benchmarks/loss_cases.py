"""The cases in which events can be lost, and the results of a contestant."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from benchmarks.process_end import Ended, run_to_end
from benchmarks.stub.running import Stub, running_stub

HOSTS: Final = {"by name": "localhost", "by address": "127.0.0.1"}
"""The notations of the server's host."""
SLOW_SECONDS: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class Case:
    """A number of events and an end of the process.

    Attributes:
        name: The letter of the case.
        events: The number of events.
        end: The kind of end.
        server: Runs the server of the events.
        counts_seconds: True if no event can arrive, so that the time of the exit counts.
    """

    name: str
    events: int
    end: Literal["exit", "signal", "fork"]
    server: Callable[[], AbstractContextManager[Stub]]
    counts_seconds: bool = False


@dataclass(frozen=True, kw_only=True)
class Loss:
    """The results of one process.

    Attributes:
        delivered: The number of events that arrived.
        ended: The end of the process.
    """

    delivered: int
    ended: Ended

    @property
    def accounted(self) -> int:
        """The number of events that the counters of ours explain."""
        counts = self.ended.counts
        lost: int = sum(counts["dropped"].values())
        return lost + int(counts["delivered"]) + int(counts["spooled"])

    @property
    def summary(self) -> str:
        """The counters of ours as text."""
        counts = self.ended.counts
        spooled = {"in the spool": counts["spooled"]}
        lost = {f"counted as lost at {reason}": n for reason, n in counts["dropped"].items()}
        return ", ".join(f"{count} {word}" for word, count in (spooled | lost).items() if count)


@contextmanager
def _refusing() -> Iterator[Stub]:
    """Reserve a port without a listener."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield Stub(f"http://127.0.0.1:{kept.getsockname()[1]}")


CASES: Final = (
    Case(name="A", events=1000, end="exit", server=partial(running_stub, delay=SLOW_SECONDS)),
    Case(name="B", events=50, end="signal", server=running_stub),
    Case(name="C", events=50, end="exit", server=_refusing, counts_seconds=True),
    Case(
        name="D",
        events=50,
        end="exit",
        server=partial(running_stub, stalls=True),
        counts_seconds=True,
    ),
    Case(name="F", events=21, end="fork", server=running_stub),
)


def loss_of(case: Case, name: str, *, host: str, settings: tuple[str, ...] = ()) -> Loss:
    """Run a case with a contestant and return the results.

    Args:
        case: The case.
        name: The contestant.
        host: The host of the server in the contestant's settings.
        settings: Environment variables as ``NAME=value``.
    """
    with case.server() as stub:
        ended = run_to_end(name, stub.at(host), events=case.events, end=case.end, settings=settings)
        return Loss(delivered=0 if case.counts_seconds else stub.settled(), ended=ended)
