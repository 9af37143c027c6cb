"""Does a collector that hangs slow down the requests of the app?

One app under uvicorn whose collector answers, and one whose collector takes every batch and never
answers; each request works for a millisecond and tracks an event. They take turns.

::

    python -m benchmarks.hanging --rounds 7 --requests 2000
"""

import argparse
import os
import statistics
import sys
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Final

from benchmarks.serving import serving
from benchmarks.stub.running import running_stub
from benchmarks.work import turns_of

GOAL_MEDIAN: Final = 1.10
GOAL_P99: Final = 2.0
WORK_SECONDS: Final = 0.001
_SIDES: Final = {"answering": False, "hanging": True}


def main() -> None:
    """Print how long the requests of both take, and the ratio of the two.

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
    """Return the value that so many of the others are not above."""
    return sorted(times)[min(int(len(times) * of), len(times) - 1)]


def _measured(rounds: int, requests: int) -> dict[str, list[list[float]]]:
    """Return the seconds of each request, by side and round."""
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
    """Return the seconds of each request, one after the other over one connection."""
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
