"""How long may a call into the agent take, while the collector hangs?

Requests are served in process; each calls what an app calls. The longest call of each kind is
shown beside the longest empty call: that is what the machine itself does to whoever measures.

::

    python -m benchmarks.calls --calls 100000
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable
from typing import Final

import sqreen_mw as sqreen
from benchmarks.drive.sides import SIDES
from benchmarks.peers.peer import OURS, open_peer
from benchmarks.stub.running import running_stub

GOAL_MS: Final = 5.0
EMPTY: Final = "nothing"

Call = Callable[[], object]

CALLS: Final[dict[str, Call]] = {
    EMPTY: lambda: None,
    "track": lambda: sqreen.track("coupon.applied", properties={"code": "SPRING", "first": True}),
    "track, large": lambda: sqreen.track("order.placed", properties={"text": "x" * 4000}),
    "identify": lambda: sqreen.identify({"email": "jane@example.org"}),
    "auth_track": lambda: sqreen.auth_track(True, email="jane@example.org"),  # noqa: FBT003 a login's success comes first
    "user_is_banned": sqreen.user_is_banned,
    "stats": sqreen.stats,
}


def main() -> None:
    """Print the longest call of each kind.

    Raises:
        SystemExit: A call is longer than the goal (1), or the machine holds up empty calls as long,
            so that nothing can be told (2).
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=100_000)
    calls: int = parser.parse_args().calls
    with running_stub(stalls=True) as stub:
        times = _measured(stub.url, calls)
    for name, each in times.items():
        line = f"longest {max(each):7.3f} ms, {_late(each)} of {len(each):,} above {GOAL_MS:g} ms"
        sys.stdout.write(f"{name:>15}: {line}\n")
    if _late(times.pop(EMPTY)):
        sys.stdout.write("the machine holds up empty calls as well: measure when it is quiet\n")
        raise SystemExit(2)
    if any(map(_late, times.values())):
        raise SystemExit(1)


def _late(times: list[float]) -> int:
    return sum(each > GOAL_MS for each in times)


def _measured(url: str, calls: int) -> dict[str, list[float]]:
    """Return the milliseconds of so many calls into the agent, and of as many empty ones a kind."""
    times: dict[str, list[float]] = {name: [] for name in CALLS}

    def work() -> None:
        for name, call in CALLS.items():
            begin = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - begin) * 1000)

    side = SIDES["asgi"]
    app = side.app(open_peer(OURS, url), work)
    gc.collect()  # what the imports left behind is nobody's call
    for _ in range(calls // (len(CALLS) - 1) // 100):
        side.serve(app, side.requests(100))
    return times


if __name__ == "__main__":
    main()
