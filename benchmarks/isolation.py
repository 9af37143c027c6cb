"""Does any event contain another request's data, with many concurrent requests to real servers?

::

    python -m benchmarks.isolation --requests 10000 --concurrency 200
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.transparency.isolation import SITES, Load, events_of, faults


def main() -> None:
    """Load each site and print the faults.

    Raises:
        SystemExit: An event is missing, duplicated or mixed up.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    load = Load(given.requests, given.concurrency, given.seed)
    failed = False
    for site in SITES:
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            events = events_of(site, load, Path(folder))
        wrong = faults(events, load)
        failed = failed or bool(wrong)
        seconds = time.monotonic() - begin
        summary = f"{site}: {len(events)} events, {len(wrong)} faults, {seconds:.1f} s"
        sys.stdout.write("\n  ".join([summary, *wrong[:10]]) + "\n")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
