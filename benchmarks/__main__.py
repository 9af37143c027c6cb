"""Measure sqreen_mw and its peers in one run on this machine.

::

    scripts/bench
    scripts/bench instructions --only ours
"""

import argparse
import sys
import time
from importlib import import_module
from typing import Final, TextIO

from benchmarks.figures import Figure, Plan, Row, figure_table
from benchmarks.peers.peer import CONTESTANTS, installed
from benchmarks.report import as_json, as_markdown
from benchmarks.unmeasurable import UnmeasurableError
from benchmarks.work import nanoseconds_of_a_turn

ROWS: Final = (
    "instructions",
    "request",
    "track",
    "delivered",
    "memory",
    "throughput",
    "losses",
    "client_ip",
    "ingest",
    "importing",
    "pieces",
)


def main() -> None:
    """Print a table for each row, by default all, and the results of the goals."""
    given = _arguments()
    contestants = tuple(name for name in given.only or CONTESTANTS if installed(name))
    plan = Plan(contestants=contestants, rounds=given.rounds)
    out = sys.stderr if given.markdown or given.json else sys.stdout
    measured = {name: _shown(name, plan, out) for name in given.rows or ROWS}
    report = as_json if given.json else as_markdown
    sys.stdout.write(f"{report(measured)}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, metavar="NAME")
    parser.add_argument("--rounds", type=int, help="instead of each row's default")
    alone = parser.add_mutually_exclusive_group()
    alone.add_argument(
        "--markdown", action="store_true", help="print the results of the goals only"
    )
    alone.add_argument("--json", action="store_true", help="print JSON only")
    return parser.parse_intermixed_args()


def _shown(name: str, plan: Plan, out: TextIO) -> list[Figure]:
    """Measure a row, print its figures and return them."""
    row: Row = import_module(f"benchmarks.rows.{name}")
    out.write(f"## {name}: {(row.__doc__ or '').splitlines()[0]}\n\n")
    out.flush()
    begin = time.monotonic()
    try:
        figures = row.measure(plan)
    except UnmeasurableError as hint:
        out.write(f"skipped: {hint}\n\n")
        return []
    took = f"{time.monotonic() - begin:.0f} s; the clock: {nanoseconds_of_a_turn():.0f} ns a turn"
    out.write(f"{figure_table(figures)}\n\n({took})\n\n")
    return figures


if __name__ == "__main__":
    main()
