"""Does a hanging collector slow down the requests of the app?

Two apps under uvicorn take turns. The collector of the first answers; the collector of the second
accepts each batch and never answers. Each request works for a millisecond and tracks an event.

::

    python -m benchmarks.hanging_collector --rounds 7 --requests 2000
"""

import argparse
import os
import statistics
import sys
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Final

from benchmarks.site_process import serving
from benchmarks.stub.running import running_stub
from benchmarks.work import turns_of

GOAL_MEDIAN: Final = 1.10
GOAL_P99: Final = 2.0
WORK_SECONDS: Final = 0.001
_SIDES: Final = {"answering": False, "hanging": True}


def main() -> None:
    """Print the request times of both, and their ratio.

    Raises:
        SystemExit: The ratio is above the goal.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=2000)
    given = parser.parse_args()
    measured = _measured(given.rounds, given.requests)
    medians, tails = (
        {
            side: statistics.median(quantile(times, of) for times in rounds)
            for side, rounds in measured.items()
        }
        for of in (0.5, 0.99)
    )
    for side in _SIDES:
        line = f"{side:>10}: median {medians[side] * 1e3:.3f} ms, p99 {tails[side] * 1e3:.3f} ms"
        sys.stdout.write(f"{line}\n")
    ratios = [each["hanging"] / each["answering"] for each in (medians, tails)]
    sys.stdout.write(f"{'ratio':>10}: median {ratios[0]:.3f}, p99 {ratios[1]:.3f}\n")
    if ratios[0] > GOAL_MEDIAN or ratios[1] > GOAL_P99:
        raise SystemExit(1)


def quantile(times: list[float], of: float) -> float:
    """Return a quantile of the times."""
    return sorted(times)[min(int(len(times) * of), len(times) - 1)]


def _measured(rounds: int, requests: int) -> dict[str, list[list[float]]]:
    """Return the seconds of each request by app and round."""
    cores = sorted(os.sched_getaffinity(0))
    turns = turns_of(WORK_SECONDS)
    with ExitStack() as stack:
        urls: dict[str, str] = {}
        for side, stalls in _SIDES.items():
            stub = stack.enter_context(running_stub(stalls=stalls))
            site = serving("ours", url=stub.url, turns=turns, core=cores[0])
            urls[side] = stack.enter_context(site).url
        os.sched_setaffinity(0, set(cores[1:]) or set(cores))
        for url in urls.values():
            _load(url, requests // 4)
        times: dict[str, list[list[float]]] = {side: [] for side in urls}
        for _ in range(rounds):
            for side, url in urls.items():
                times[side].append(_load(url, requests))
    return times


def _load(url: str, requests: int) -> list[float]:
    """Return the seconds of each request. They use one connection, one after another."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=60)
    times: list[float] = []
    for _ in range(requests):
        begin = time.perf_counter()
        connection.request("GET", "/busy")
        connection.getresponse().read()
        times.append(time.perf_counter() - begin)
    connection.close()
    return times


if __name__ == "__main__":
    main()
