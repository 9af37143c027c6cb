"""Does a killed site lose more than its last second while the collector is down?

::

    python -m benchmarks.killed_site --rounds 100
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.delivery.killed_rounds import Round, killed_round, target_of
from tests.support.collector_process import run_collector

FLOODED: Final = 5
"""Each fifth round tracks more events than fit into the spool."""


def main() -> None:
    """Kill a site at random moments, and print the lost events and the faults.

    Raises:
        SystemExit: Too many events were lost, an event came twice, or the spool was too large.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100)
    rounds: int = parser.parse_args().rounds
    done: list[Round] = []
    faulty = 0
    with tempfile.TemporaryDirectory() as folder, run_collector(Path(folder) / "data") as served:
        target = target_of(served, Path(folder) / "spool")
        for number in range(rounds):
            is_flooded = _is_flooded(number)
            done.append(killed_round(target, number, is_flooded=is_flooded))
            faults = done[-1].faults(is_flooded=is_flooded)
            faulty += bool(faults)
            for fault in faults:
                sys.stdout.write(f"round {number}: {fault}\n")
    _report(done)
    if faulty:
        raise SystemExit(1)


def _is_flooded(number: int) -> bool:
    return number % FLOODED == FLOODED - 1


def _report(rounds: list[Round]) -> None:
    steady = [each.missing for number, each in enumerate(rounds) if not _is_flooded(number)]
    oldest = [missing[-1] if missing else 0.0 for missing in steady]
    tracked = sum(len(each.tracked) for each in rounds)
    arrived = sum(len(each.arrived) for each in rounds)
    largest = max(each.largest for each in rounds) / 2**20
    sys.stdout.write(
        f"{len(rounds)} rounds: {tracked} events tracked, {arrived} arrived, "
        f"{sum(len(each.missing) for each in rounds)} missing\n"
        f"the oldest missing event of a round: median {statistics.median(oldest):.2f} s, "
        f"at most {max(oldest):.2f} s before the kill\n"
        f"the spool: at most {largest:.2f} MiB\n"
    )


if __name__ == "__main__":
    main()
