"""CPU time of the whole process for a request with one delivered event.

Requests come at a steady rate, so that each contestant sends its usual batches. The last flush is
included. The time of the bare application at the same rate is subtracted.
"""

import statistics
import time
from functools import partial
from typing import Final

from benchmarks.child import in_child
from benchmarks.drive.interfaces import INTERFACES
from benchmarks.figures import Figure, Plan
from benchmarks.peers.peer import BARE, CONTESTANTS, open_peer
from benchmarks.stub.running import running_stub
from benchmarks.work import tracking

ROUNDS: Final = 3
EVENTS: Final = 2000
RATE: Final = 1000
"""Requests per second."""
DEAR: Final = {"sentry capture": 200}
"""Requests per second for contestants that can't keep up."""
BURST: Final = 10
WARM: Final = 50


def measure(plan: Plan) -> list[Figure]:
    """Return the microseconds and the share of events that arrived."""
    names = [BARE, *(name for name in plan.contestants if name in CONTESTANTS)]
    costs: dict[str, list[float]] = {name: [] for name in names}
    lost = dict.fromkeys(names, 0.0)
    for _ in range(plan.rounds or ROUNDS):
        for name in names:
            cost, arrived = _round(name)
            costs[name].append(cost)
            lost[name] += 1 - arrived
    bare = statistics.median(costs.pop(BARE))
    values = {name: statistics.median(times) - bare for name, times in costs.items()}
    rounds = plan.rounds or ROUNDS
    notes = {name: f"{lost[name] / rounds:.0%} lost" for name in values if lost[name]}
    return [Figure(name="us a request and event", digits=1, values=values, notes=notes)]


def _round(name: str) -> tuple[float, float]:
    rate = DEAR.get(name, RATE)
    events = EVENTS * rate // RATE
    with running_stub() as stub:
        cost: float = in_child(timed, name=name, url=stub.url, events=events, rate=rate)
        return cost, stub.count() / (events + WARM)


def timed(*, name: str, url: str, events: int, rate: int) -> float:
    """Return the CPU microseconds of this process for a request."""
    peer, way = open_peer(name, url), INTERFACES["asgi"]
    app = way.app(peer, partial(tracking, peer))
    way.serve(app, way.requests(WARM))
    peer.flush()
    making = 0.0
    begin, begin_cpu = time.monotonic(), time.process_time()
    for served in range(BURST, events + BURST, BURST):
        before = time.thread_time()
        requests = way.requests(BURST)
        making += time.thread_time() - before
        way.serve(app, requests)
        time.sleep(max(0.0, begin + served / rate - time.monotonic()))
    peer.flush()
    return (time.process_time() - begin_cpu - making) * 1e6 / events
