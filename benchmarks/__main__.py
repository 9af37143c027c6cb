"""Measure ours beside its peers, in one run on this machine.

::

    scripts/bench
    python -m benchmarks instructions --only ours
"""

import argparse
import sys
import time
from importlib import import_module

from benchmarks.figures import Figure, Plan, Row, figure_table
from benchmarks.peers.peer import CONTESTANTS, installed
from benchmarks.unmeasurable import UnmeasurableError

ROWS = ("instructions", "request", "track", "delivered", "memory", "throughput", "client_ip")


def main() -> None:
    """Print the rows that are asked for, all by default."""
    given = _arguments()
    contestants = tuple(name for name in given.only or CONTESTANTS if installed(name))
    plan = Plan(contestants=contestants, rounds=given.rounds)
    for name in given.rows or ROWS:
        _show(name, plan)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, metavar="NAME")
    parser.add_argument("--rounds", type=int)
    return parser.parse_args()


def _show(name: str, plan: Plan) -> list[Figure]:
    row: Row = import_module(f"benchmarks.rows.{name}")
    begin = time.monotonic()
    sys.stdout.write(f"\n## {name}: {(row.__doc__ or '').splitlines()[0]}\n\n")
    sys.stdout.flush()
    try:
        figures = row.measure(plan)
    except UnmeasurableError as hint:
        sys.stdout.write(f"skipped: {hint}\n")
        return []
    sys.stdout.write(f"{figure_table(figures)}\n\n{time.monotonic() - begin:.0f} s\n")
    sys.stdout.flush()
    return figures


if __name__ == "__main__":
    main()
