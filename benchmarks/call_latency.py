"""How long does a call into the agent take at most while the collector hangs?

Requests are served in this process, and each makes the calls of an app. The longest call of each
kind is printed next to the longest empty call, which shows the delays of the machine itself.

::

    python -m benchmarks.call_latency --calls 100000
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable
from typing import Final

import sqreen_mw as sqreen
from benchmarks.drive.interfaces import INTERFACES
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
    "auth_track": lambda: sqreen.auth_track(True, email="jane@example.org"),
    "user_is_banned": sqreen.user_is_banned,
    "stats": sqreen.stats,
}


def main() -> None:
    """Print the longest call of each kind.

    Raises:
        SystemExit: A call is longer than the goal (1), or empty calls are too, so that the result
            is unknown (2).
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
        sys.stdout.write("the machine delays empty calls too: measure when it is idle\n")
        raise SystemExit(2)
    if any(map(_late, times.values())):
        raise SystemExit(1)


def _late(times: list[float]) -> int:
    return sum(each > GOAL_MS for each in times)


def _measured(url: str, calls: int) -> dict[str, list[float]]:
    """Return the milliseconds of each call by kind, including empty calls."""
    times: dict[str, list[float]] = {name: [] for name in CALLS}

    def work() -> None:
        for name, call in CALLS.items():
            begin = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - begin) * 1000)

    side = INTERFACES["asgi"]
    app = side.app(open_peer(OURS, url), work)
    gc.collect()  # the garbage of imports must not delay a call
    for _ in range(calls // (len(CALLS) - 1) // 100):
        side.serve(app, side.requests(100))
    return times


if __name__ == "__main__":
    main()
