"""Does the resident memory of a process grow with the number of served requests?

::

    python -m benchmarks.memory_growth --requests 100000
"""

import argparse
import gc
import resource
import sys
from pathlib import Path

import sqreen_mw as sqreen
from sqreen_mw.agent.delivery.transports.local import memory_events
from tests.transparency.memory import Serve, asgi, wsgi

GOAL_MIB = 5.0
URL = "memory://benchmark"


def main() -> None:
    """Serve requests in this process with each middleware, and print the growth.

    Raises:
        SystemExit: The growth is above the goal, in proportion to the requests.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=100_000)
    requests: int = parser.parse_args().requests
    sides = {"asgi": asgi(_track, url=URL), "wsgi": wsgi(_track, url=URL)}
    grown = {name: _growth(serve, requests) for name, serve in sides.items()}
    for name, mib in grown.items():
        sys.stdout.write(f"{name}: {requests} requests, {mib:+.2f} MiB\n")
    if max(grown.values()) > GOAL_MIB:
        raise SystemExit(1)


def _track() -> None:
    sqreen.track("benchmark", properties={"a": "b"})


def _growth(serve: Serve, requests: int) -> float:
    """Return the growth of the warm process in MiB."""
    _serve(serve, max(requests // 10, 10_000))
    before = _resident()
    _serve(serve, requests)
    return (_resident() - before) / 2**20


def _serve(serve: Serve, requests: int) -> None:
    for _ in range(requests // 1000):
        serve(1000)
        sqreen.flush()
        memory_events(URL).clear()
    gc.collect()


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
