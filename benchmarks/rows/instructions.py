"""Machine instructions of the thread that serves, counted by valgrind: they repeat within 1 %.

Each contestant runs in its own process under callgrind, which writes its count down at each mark.
Threads that deliver are left out; the row ``delivered`` has the whole process.
"""

import gc
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, NamedTuple

from benchmarks.callgrind import begin_counting, instructions, mark, prefix
from benchmarks.child import in_child
from benchmarks.drive.sides import SIDES, Side
from benchmarks.figures import Figure, Plan
from benchmarks.peers.nothing import Bare
from benchmarks.peers.peer import CONTESTANTS, PASSING, Peer, open_peer
from benchmarks.stub.running import running_stub
from benchmarks.work import tracking

REPEATED: Final = 5

Counts = dict[str, float]
"""Instructions a request, by what was served."""


class _Block(NamedTuple):
    name: str
    wrapped: bool
    tracks: int = 0
    streams: bool = False
    requests: int = 60
    warm: int = 60


_QUIET: Final = (
    _Block("bare", wrapped=False),
    _Block("plain", wrapped=True),
    _Block("bare stream", wrapped=False, streams=True),
    _Block("stream", wrapped=True, streams=True),
)
BLOCKS: Final = {
    "asgi": (
        *_QUIET,
        _Block("none", wrapped=True, requests=20, warm=10),
        _Block("first", wrapped=True, tracks=1, requests=20, warm=10),
        _Block("repeated", wrapped=True, tracks=1 + REPEATED, requests=20, warm=10),
    ),
    "wsgi": _QUIET,
}
"""What is served; on the second side only what differs there."""


def measure(plan: Plan) -> list[Figure]:
    """Return instructions added a request, and of ``track()``."""
    names = [PASSING, *plan.contestants]
    tasks = [(name, side) for name in names for side in SIDES]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(tasks, pool.map(_counted, tasks), strict=True))
    return [*_of_side("asgi", names, counts), *_of_side("wsgi", names, counts)]


def _of_side(
    side: str, names: list[str], counts: dict[tuple[str, str], Counts]
) -> Iterator[Figure]:
    told = {name: count for name in names if (count := counts[name, side])["wrapped"]}
    label = side.upper()
    yield Figure(
        name=f"{label} request, added",
        values={name: count["plain"] - count["bare"] for name, count in told.items()},
    )
    yield Figure(
        name=f"{label} streaming, added",
        values={name: count["stream"] - count["bare stream"] for name, count in told.items()},
    )
    if side == "wsgi":
        return
    tracking_ones = {name: counts[name, side] for name in names if name in CONTESTANTS}
    yield Figure(
        name="first track",
        values={name: count["first"] - count["none"] for name, count in tracking_ones.items()},
    )
    yield Figure(
        name="track again",
        values={
            name: (count["repeated"] - count["first"]) / REPEATED
            for name, count in tracking_ones.items()
        },
    )


def _counted(task: tuple[str, str]) -> Counts:
    """Return the counts of a contestant on a side, as callgrind wrote them down."""
    name, side = task
    with tempfile.TemporaryDirectory() as folder, running_stub() as stub:
        wrapped = in_child(serve_blocks, prefix=prefix(folder), name=name, side=side, url=stub.url)
        counts = {
            block.name: instructions(folder, n) / block.requests
            for n, block in enumerate(BLOCKS[side], 1)
        }
    return {**counts, "wrapped": wrapped}


def serve_blocks(name: str, side: str, url: str) -> bool:
    """Serve each block between two marks, and tell whether there is a middleware."""
    peer, way = open_peer(name, url), SIDES[side]
    apps = [_app(block, peer, way) for block in BLOCKS[side]]
    for app, block in zip(apps, BLOCKS[side], strict=True):
        way.serve(app, way.requests(block.warm))
    begin_counting()
    for app, block in zip(apps, BLOCKS[side], strict=True):
        requests = way.requests(block.requests)
        gc.collect()
        gc.freeze()
        mark()
        way.serve(app, requests)
        mark()
    return way.wraps(peer)


def _app(block: _Block, peer: Peer, way: Side) -> Any:
    work = partial(tracking, peer, block.tracks) if block.tracks else None
    return way.app(peer if block.wrapped else Bare(""), work, streams=block.streams)
