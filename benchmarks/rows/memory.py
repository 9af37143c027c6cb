"""Memory that an event holds while it waits, the server being stalled: Python's own (tracemalloc).

Two fillings of the queue are compared, so that connections, batches under way and modules are not
in it. Each event comes from a request of its own, parsed anew as a server does.
"""

import gc
import os
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from benchmarks.child import in_child
from benchmarks.drive.sides import SIDES, Side
from benchmarks.figures import Figure, Plan
from benchmarks.peers.peer import CONTESTANTS, OURS, Peer, open_peer
from benchmarks.stub.running import running_stub
from benchmarks.work import EVENT, tracking

FILLING: Final = (1000, 1000)
"""Events of the first and of the second filling; the default queues of most take these."""
SMALL: Final = {
    "sentry logs": (500, 500),
    "sentry capture": (20, 50),
    "opentelemetry": (300, 300),
}
"""Where the queue is shorter, or as with OpenTelemetry, a request makes three spans as well."""
SETTLING_SECONDS: Final = 2.0
"""Longer than any contestant waits before it cuts a batch from what is new."""

IDLE_SECONDS: Final = 0.01
"""CPU that a thread may take for looking whether there is something to do."""

OVERFLOWING: Final = 12_000
LARGE: Final = {"a": "x" * 4000, "b": "y" * 4000}
MIB: Final = 2**20


def measure(plan: Plan) -> list[Figure]:
    """Return the bytes an event, on each side, and what our whole queue can come to."""
    names = [name for name in plan.contestants if name in CONTESTANTS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        figures = [
            Figure(
                name=f"{side.upper()}, bytes an event",
                values=dict(zip(names, pool.map(partial(_held, side), names), strict=True)),
            )
            for side in SIDES
        ]
    return [*figures, *_bounds()] if OURS in names else figures


def _held(side: str, name: str) -> float:
    with running_stub(stalls=True) as stub:
        return in_child(held, name=name, side=side, url=stub.url)


def _bounds() -> list[Figure]:
    figures = []
    for large in (False, True):
        with running_stub(stalls=True) as stub:
            value: float = in_child(overflowed, url=stub.url, large=large)
        label = f"queue full of {'large' if large else 'small'} events, MiB"
        figures.append(Figure(name=label, digits=1, values={OURS: value}))
    return figures


def held(*, name: str, side: str, url: str) -> float:
    """Return the bytes that a waiting event holds."""
    peer, way = open_peer(name, url), SIDES[side]
    first, second = SMALL.get(name, FILLING)
    work = partial(tracking, peer)
    tracemalloc.start()
    before = _filled(peer, way, first, work=work)
    return (_filled(peer, way, second, work=work) - before) / second


def overflowed(*, url: str, large: bool) -> float:
    """Return the MiB that our queue holds once it drops events."""
    peer, way = open_peer(OURS, url), SIDES["asgi"]
    work = partial(_tracking_much, peer) if large else partial(tracking, peer)
    tracemalloc.start()
    before = _filled(peer, way, 1, work=work)
    return (_filled(peer, way, OVERFLOWING, work=work) - before) / MIB


def _filled(peer: Peer, way: Side, count: int, *, work: Callable[[], None]) -> int:
    """Serve so many requests, and return the bytes that Python holds then."""
    app = way.app(peer, work)
    for _ in range(count):
        way.serve(app, way.requests(1))
    _settle()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _settle() -> None:
    """Wait until the contestant's own threads have done what they do with new events."""
    time.sleep(SETTLING_SECONDS)
    busy = True
    while busy:
        before = time.process_time()
        time.sleep(SETTLING_SECONDS / 4)
        busy = time.process_time() - before > IDLE_SECONDS


def _tracking_much(peer: Peer) -> None:
    peer.track(EVENT, {name: text + str(time.monotonic_ns()) for name, text in LARGE.items()})
