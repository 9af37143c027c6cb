"""Memory of a waiting event with a stalled server, measured by tracemalloc.

Two fill levels of the queue are compared, which excludes connections, batches in flight and
modules. Each event comes from its own request with new values.
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
from benchmarks.drive.interfaces import INTERFACES, Interface
from benchmarks.figures import Figure, Plan
from benchmarks.peers.peer import CONTESTANTS, OURS, Peer, open_peer
from benchmarks.stub.running import running_stub
from benchmarks.work import EVENT, tracking

FILLING: Final = (1000, 1000)
"""The two fill levels; they fit into the default queues of most contestants."""
SMALL: Final = {
    "sentry logs": (500, 500),
    "sentry capture": (20, 50),
    "opentelemetry": (300, 300),
}
"""For shorter queues, such as OpenTelemetry's, which also stores three spans per request."""
SETTLING_SECONDS: Final = 2.0
"""Longer than any contestant waits before it creates a batch."""

IDLE_SECONDS: Final = 0.01
"""CPU time of a thread that only looks for work."""

OVERFLOWING: Final = 12_000
LARGE: Final = {"a": "x" * 4000, "b": "y" * 4000}
MIB: Final = 2**20


def measure(plan: Plan) -> list[Figure]:
    """Return the bytes per event for each interface, and the maximum of our queue."""
    names = [name for name in plan.contestants if name in CONTESTANTS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        figures = [
            Figure(
                name=f"{side.upper()}, bytes an event",
                values=dict(zip(names, pool.map(partial(_held, side), names), strict=True)),
            )
            for side in INTERFACES
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
    """Return the bytes of a waiting event."""
    peer, way = open_peer(name, url), INTERFACES[side]
    first, second = SMALL.get(name, FILLING)
    work = partial(tracking, peer)
    tracemalloc.start()
    before = _filled(peer, way, first, work=work)
    return (_filled(peer, way, second, work=work) - before) / second


def overflowed(*, url: str, large: bool) -> float:
    """Return the MiB of our full queue."""
    peer, way = open_peer(OURS, url), INTERFACES["asgi"]
    work = partial(_tracking_much, peer) if large else partial(tracking, peer)
    tracemalloc.start()
    before = _filled(peer, way, 1, work=work)
    return (_filled(peer, way, OVERFLOWING, work=work) - before) / MIB


def _filled(peer: Peer, way: Interface, count: int, *, work: Callable[[], None]) -> int:
    """Serve requests and return the allocated bytes afterwards."""
    app = way.app(peer, work)
    for _ in range(count):
        way.serve(app, way.requests(1))
    _settle()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _settle() -> None:
    """Wait until the contestant's threads have processed new events."""
    time.sleep(SETTLING_SECONDS)
    busy = True
    while busy:
        before = time.process_time()
        time.sleep(SETTLING_SECONDS / 4)
        busy = time.process_time() - before > IDLE_SECONDS


def _tracking_much(peer: Peer) -> None:
    peer.track(EVENT, {name: text + str(time.monotonic_ns()) for name, text in LARGE.items()})
