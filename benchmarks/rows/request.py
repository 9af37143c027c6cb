"""CPU time that a middleware adds to a request without events. Compare ratios only.

In each round, the bare application, a pass-through middleware and the contestant's middleware take
turns in one process. The medians of the rounds are compared.
"""

import statistics
import time
from typing import Any, Final

from benchmarks.child import in_child
from benchmarks.drive.interfaces import INTERFACES, Interface
from benchmarks.figures import Figure, Plan
from benchmarks.peers.nothing import Bare, PassThrough
from benchmarks.peers.peer import PASSING, open_peer
from benchmarks.stub.running import running_stub

ROUNDS: Final = 3
TURNS: Final = 9
REQUESTS: Final = 200

KINDS: Final = {
    "ASGI": ("asgi", False),
    "ASGI streaming": ("asgi", True),
    "WSGI": ("wsgi", False),
    "WSGI streaming": ("wsgi", True),
}
"""The interface, and whether the answer is streamed."""


def measure(plan: Plan) -> list[Figure]:
    """Return the microseconds added to a request, also as a multiple of the pass-through's."""
    times: dict[str, list[dict[str, float]]] = {PASSING: []}
    for _ in range(plan.rounds or ROUNDS):
        for name in plan.contestants:
            with running_stub() as stub:
                added: dict[str, dict[str, float]] = in_child(timed, name=name, url=stub.url)
            times.setdefault(name, []).append(added["own"])
            times[PASSING].append(added["passing"])
    return [
        Figure(name=f"{kind}, us added", digits=1, values=_medians(times, kind)) for kind in KINDS
    ]


def _medians(times: dict[str, list[dict[str, float]]], kind: str) -> dict[str, float]:
    return {
        name: statistics.median(time[kind] for time in rounds)
        for name, rounds in times.items()
        if kind in rounds[0]
    }


def timed(name: str, url: str) -> dict[str, dict[str, float]]:
    """Return the microseconds added by the contestant and by the pass-through."""
    peer = open_peer(name, url)
    added: dict[str, dict[str, float]] = {"own": {}, "passing": {}}
    for kind, (side, streams) in KINDS.items():
        way = INTERFACES[side]
        apps = [way.app(one, streams=streams) for one in (Bare(""), PassThrough(""), peer)]
        turns = [[_turn(way, app) for app in apps] for _ in range(TURNS)]
        bare, passing, own = (statistics.median(column) for column in zip(*turns, strict=True))
        added["passing"][kind] = passing - bare
        if way.wraps(peer):
            added["own"][kind] = own - bare
    return added


def _turn(way: Interface, app: Any) -> float:
    """Return the microseconds of a request."""
    requests = way.requests(REQUESTS)
    begin = time.thread_time_ns()
    way.serve(app, requests)
    return (time.thread_time_ns() - begin) / 1000 / REQUESTS
