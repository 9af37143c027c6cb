"""Machine instructions of the serving thread, counted by valgrind. They repeat within 1 %.

Each contestant runs in its own process under callgrind, which writes its counts at each mark.
Threads for the delivery are not counted; the row ``delivered`` measures the whole process.
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
from benchmarks.drive.interfaces import INTERFACES, Interface
from benchmarks.figures import Figure, Plan
from benchmarks.peers.nothing import Bare
from benchmarks.peers.peer import CONTESTANTS, PASSING, Peer, open_peer
from benchmarks.stub.running import running_stub
from benchmarks.work import tracking

REPEATED: Final = 5

Counts = dict[str, float]
"""Instructions per request, by block."""


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
"""The served blocks; for WSGI only those that differ from ASGI."""


def measure(plan: Plan) -> list[Figure]:
    """Return the instructions added to a request, and those of ``track()``."""
    names = [PASSING, *plan.contestants]
    tasks = [(name, side) for name in names for side in INTERFACES]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(tasks, pool.map(_counted, tasks), strict=True))
    return [*_of_side("asgi", names, counts), *_of_side("wsgi", names, counts)]


def _of_side(
    side: str, names: list[str], counts: dict[tuple[str, str], Counts]
) -> Iterator[Figure]:
    known = {name: count for name in names if (count := counts[name, side])["wrapped"]}
    label = side.upper()
    yield Figure(
        name=f"{label} request, added",
        values={name: count["plain"] - count["bare"] for name, count in known.items()},
    )
    yield Figure(
        name=f"{label} streaming, added",
        values={name: count["stream"] - count["bare stream"] for name, count in known.items()},
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
    """Return callgrind's counts of a contestant for an interface."""
    name, side = task
    with tempfile.TemporaryDirectory() as folder, running_stub() as stub:
        wrapped = in_child(serve_blocks, prefix=prefix(folder), name=name, side=side, url=stub.url)
        counts = {
            block.name: instructions(folder, n) / block.requests
            for n, block in enumerate(BLOCKS[side], 1)
        }
    return {**counts, "wrapped": wrapped}


def serve_blocks(name: str, side: str, url: str) -> bool:
    """Serve each block between two marks. Return whether there is a middleware."""
    peer, way = open_peer(name, url), INTERFACES[side]
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


def _app(block: _Block, peer: Peer, way: Interface) -> Any:
    work = partial(tracking, peer, block.tracks) if block.tracks else None
    return way.app(peer if block.wrapped else Bare(""), work, streams=block.streams)
