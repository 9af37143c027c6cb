"""The ways to lose events, and what comes of one contestant's in each of them."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from benchmarks.ended import Ended, run_to_end
from benchmarks.stub.running import Stub, running_stub

HOSTS: Final = {"by name": "localhost", "by address": "127.0.0.1"}
"""How the server is given."""
SLOW_SECONDS: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class Case:
    """Events that are told of, and an end.

    Attributes:
        name: The letter that it is known by.
        events: How many events.
        end: How the process ends.
        server: Runs what they are sent to.
        counts_seconds: Whether it is about how long the end takes, as nothing can arrive.
    """

    name: str
    events: int
    end: Literal["exit", "signal", "fork"]
    server: Callable[[], AbstractContextManager[Stub]]
    counts_seconds: bool = False


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What came of one process's events.

    Attributes:
        delivered: Events that arrived.
        ended: How the process ended.
    """

    delivered: int
    ended: Ended

    @property
    def accounted(self) -> int:
        """The events of which our process says at its end where they are, or why they are lost."""
        counts = self.ended.counts
        lost: int = sum(counts["dropped"].values())
        return lost + int(counts["delivered"]) + int(counts["spooled"])

    @property
    def told(self) -> str:
        """What our process says of its events at its end."""
        counts = self.ended.counts
        spooled = {"in the spool": counts["spooled"]}
        lost = {f"counted as lost at {reason}": n for reason, n in counts["dropped"].items()}
        return ", ".join(f"{count} {word}" for word, count in (spooled | lost).items() if count)


@contextmanager
def _refusing() -> Iterator[Stub]:
    """Keep a port that nobody listens on."""
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
    """Return what comes of a contestant's events.

    Args:
        case: The way to lose them.
        name: The contestant.
        host: The server, as the contestant is told of it.
        settings: Variables of its environment, as ``NAME=value``.
    """
    with case.server() as stub:
        ended = run_to_end(name, stub.at(host), events=case.events, end=case.end, settings=settings)
        return Loss(delivered=0 if case.counts_seconds else stub.settled(), ended=ended)
