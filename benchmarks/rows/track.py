"""CPU time of ``track()`` with three properties in the calling thread. Compare ratios only.

In each round, requests without, with one and with several events take turns. The delivery by other
threads to a stub server is not counted.
"""

import statistics
import time
from functools import partial
from typing import Any, Final

from benchmarks.child import in_child
from benchmarks.drive.interfaces import INTERFACES
from benchmarks.figures import Figure, Plan
from benchmarks.peers.peer import CONTESTANTS, open_peer
from benchmarks.stub.running import running_stub
from benchmarks.work import tracking

ROUNDS: Final = 3
BLOCKS: Final = 11
"""Blocks in one process; they overflow no contestant's queue."""
REQUESTS: Final = 20
REPEATED: Final = 5


def measure(plan: Plan) -> list[Figure]:
    """Return the microseconds of a request's first ``track()`` and of the following ones."""
    rounds = plan.rounds or ROUNDS
    names = [name for name in plan.contestants if name in CONTESTANTS]
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            with running_stub() as stub:
                times[name].append(in_child(timed, name=name, url=stub.url))
    return [
        Figure(name=label, digits=1, values={name: _median(times[name], n) for name in names})
        for n, label in enumerate(("first in a request, us", "repeated, us"))
    ]


def _median(times: list[tuple[float, float]], position: int) -> float:
    return statistics.median(time[position] for time in times)


def timed(name: str, url: str) -> tuple[float, float]:
    """Return the microseconds of a first and a repeated call."""
    peer, way = open_peer(name, url), INTERFACES["asgi"]
    apps = [way.app(peer, partial(tracking, peer, calls)) for calls in (0, 1, 1 + REPEATED)]
    blocks = [[_block(app) for app in apps] for _ in range(BLOCKS)]
    none, once, more = (statistics.median(column) for column in zip(*blocks, strict=True))
    return once - none, (more - once) / REPEATED


def _block(app: Any) -> float:
    """Return the microseconds of a request."""
    way = INTERFACES["asgi"]
    requests = way.requests(REQUESTS)
    begin = time.thread_time_ns()
    way.serve(app, requests)
    return (time.thread_time_ns() - begin) / 1000 / REQUESTS
