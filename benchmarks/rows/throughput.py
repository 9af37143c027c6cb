"""Requests per second under wrk with one event each, as a share of the bare application's.

uvicorn with one worker has one core; wrk and the stub server have the others. The Starlette
application answers at once or works for 1 ms. The contestants take turns.
``a CPU second`` counts the CPU time of the application's process until all events are delivered.
It excludes the load of other processes and includes the delivery after the requests.
"""

import os
import re
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from shutil import which
from typing import Final

import httpx2

from benchmarks.cpu_time import cpu_seconds
from benchmarks.figures import Figure, Plan
from benchmarks.peers.peer import BARE, CONTESTANTS
from benchmarks.site_process import FLUSH, PATHS, Served, serving
from benchmarks.stub.running import Stub, running_stub
from benchmarks.unmeasurable import UnmeasurableError
from benchmarks.work import turns_of

ROUNDS: Final = 5
SECONDS: Final = 1
CONNECTIONS: Final = 8
BUSY_SECONDS: Final = 0.001
TOLERATED: Final = 0.005
"""Requests in flight at the end of wrk count as events, but not as requests."""


@dataclass
class Site:
    """A contestant's running application and its counts."""

    served: Served
    stub: Stub
    answered: int = 0
    rates: dict[str, list[float]] = field(default_factory=lambda: {path: [] for path in PATHS})
    efforts: dict[str, list[float]] = field(default_factory=lambda: {path: [] for path in PATHS})
    slowest: list[float] = field(default_factory=list)

    def load(self, path: str) -> None:
        """Load one page for a time, then deliver all events."""
        target = self.served.url + path
        begin = cpu_seconds(self.served.pid)
        command = ["wrk", f"-c{CONNECTIONS}", "-t1", f"-d{SECONDS}s", "--latency", target]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        answered = int(_found(r"(\d+) requests in", output))
        self.answered += answered
        self.rates[path].append(float(_found(r"Requests/sec:\s+([\d.]+)", output)))
        self.flush()
        self.efforts[path].append(answered / (cpu_seconds(self.served.pid) - begin))
        if path == PATHS[0]:
            self.slowest.append(_milliseconds(_found(r"\n +99% +(\S+)", output)))

    def flush(self) -> None:
        """Wait until all tracked events are delivered."""
        httpx2.get(self.served.url + FLUSH, timeout=60, trust_env=False).raise_for_status()

    def lost(self) -> float:
        """Return the share of events that did not arrive."""
        return 1 - self.stub.count() / self.answered


def measure(plan: Plan) -> list[Figure]:
    """Return the rates as shares of the bare application's.

    Raises:
        UnmeasurableError: wrk is not installed.
    """
    if which("wrk") is None:
        raise UnmeasurableError("wrk is missing: apt-get install wrk")
    names = [BARE, *(name for name in plan.contestants if name in CONTESTANTS)]
    with _spare_core() as core, ExitStack() as stack:
        turns = turns_of(BUSY_SECONDS)
        sites = {}
        for name in names:
            stub = stack.enter_context(running_stub())
            served = stack.enter_context(serving(name, url=stub.url, turns=turns, core=core))
            sites[name] = Site(served, stub)
            sites[name].flush()
        for path in PATHS * (plan.rounds or ROUNDS):
            for site in sites.values():
                site.load(path)
        return _figures(sites)


def _figures(sites: dict[str, Site]) -> list[Figure]:
    bare = sites[BARE]
    lost = {name: site.lost() for name, site in sites.items() if name != BARE}
    notes = {name: f"{share:.0%} lost" for name, share in lost.items() if share > TOLERATED}
    kinds: dict[str, Callable[[Site], list[float]]] = {
        "hello, x bare": lambda site: site.rates[PATHS[0]],
        "hello, a CPU second, x bare": lambda site: site.efforts[PATHS[0]],
        "1 ms, x bare": lambda site: site.rates[PATHS[1]],
        "1 ms, a CPU second, x bare": lambda site: site.efforts[PATHS[1]],
    }
    shares = [
        Figure(
            name=label,
            digits=2,
            values={name: _share(kind(site), kind(bare)) for name, site in sites.items()},
            notes=notes,
        )
        for label, kind in kinds.items()
    ]
    rates = {name: statistics.median(site.rates[PATHS[0]]) for name, site in sites.items()}
    slowest = {name: statistics.median(site.slowest) for name, site in sites.items()}
    return [
        *shares,
        Figure(name="hello, requests/s", values=rates),
        Figure(name="hello, p99 ms", digits=1, values=slowest),
    ]


def _share(own: list[float], bare: list[float]) -> float:
    """Return the median share of consecutive rounds."""
    return statistics.median(mine / other for mine, other in zip(own, bare, strict=True))


@contextmanager
def _spare_core() -> Iterator[int]:
    """Reserve one core for the contestants. This process and its other children don't use it."""
    cores = os.sched_getaffinity(0)
    core = min(cores)
    os.sched_setaffinity(0, cores - {core} or cores)
    try:
        yield core
    finally:
        os.sched_setaffinity(0, cores)


def _found(pattern: str, output: str) -> str:
    match = re.search(pattern, output)
    if match is None:
        raise UnmeasurableError(f"wrk's output does not match {pattern}: {output}")
    return match[1]


def _milliseconds(text: str) -> float:
    number, unit = re.findall(r"([\d.]+)(\D+)", text)[0]
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
