"""Import many rows, kill the command at random moments, and count what is stored.

::

    python -m benchmarks.import_million DIRECTORY --rows 1000000 --kills 20
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.events.base import EventQuery
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP

BAD: Final = ("x,,,,,", "short", ",1709287200,,,,", 'x,1709287200,,,,"open"end', "x,soon,,,,")
"""Rows that are rejected: without a time or a name, ragged, badly quoted, or with a wrong time."""

BAD_EVERY: Final = 997

_random: Final = random.SystemRandom()

_COLLECTOR: Final = ("serve", "--port", "0", "--json", "--data-dir")


def rows(count: int) -> Iterator[str]:
    """Yield the lines of a file, with a bad row at each ``BAD_EVERY``-th place."""
    yield "event,timestamp,email,ip,path,plan"
    for number in range(count):
        if number % BAD_EVERY == 0:
            yield BAD[number // BAD_EVERY % len(BAD)]
        else:
            user, at = number % 5000, 1_709_287_200_000 + number // 3
            address = f"203.0.{number % 113}.{number % 251}"
            yield f"coupon.applied,{at},u{user}@example.org,{address},/cart/{user},gold"


def run(directory: Path, *, count: int, kills: int) -> dict[str, Any]:
    """Import the rows and return the numbers."""
    directory.mkdir(parents=True)
    file = directory / "past.csv"
    file.write_text("\n".join(rows(count)) + "\n")
    data = directory / "data"
    with subprocess.Popen(_command(*_COLLECTOR, str(data)), stdout=subprocess.PIPE) as collector:
        try:
            assert collector.stdout is not None
            url = json.loads(collector.stdout.readline())["url"]
            found = _import(file, url=url, data=data, kills=kills)
        finally:
            collector.terminate()
    return found | {"in_store": _stored(data), "count": count}


def _stored(data: Path) -> int:
    store = open_event_store(f"sqlite:///{data / 'events.db'}")
    query = EventQuery(start=MIN_TIMESTAMP, end=MAX_TIMESTAMP)
    try:
        return store.count(query, most=10**9, deadline=Deadline(600)).number
    finally:
        store.close()


def _import(file: Path, *, url: str, data: Path, kills: int) -> dict[str, Any]:
    create = _command("tokens", "create", "shop", "--scope", "import", "--data-dir", str(data))
    token = subprocess.run(create, capture_output=True, text=True, check=True).stdout.strip()
    rejects = file.with_name("rejects.ndjson")
    line = _command(
        *("import", str(file), "--url", url, "--token", token, "--rejects", str(rejects), "--json")
    )
    started = time.monotonic()
    killed = sum(_killed(line) for _ in range(kills))
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        summary = json.loads(process.stdout.read())
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    seconds = time.monotonic() - started
    listed = [json.loads(each)["line"] for each in rejects.read_text().splitlines()]
    return {
        **summary,
        "rejects_lines": len({*listed}),
        "rejects_rows": len(listed),
        "killed": killed,
        "seconds": round(seconds, 1),
        "rows_per_second": round(summary["read"] / seconds),
        "last_run_cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "last_run_rss_mib": usage.ru_maxrss // 1024,
    }


def _killed(line: list[str]) -> bool:
    """Kill the command after a random time, and return True if it was running."""
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(_random.uniform(0.5, 8.0))
        except subprocess.TimeoutExpired:
            process.kill()
            return True
        return False


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sqreen_mw", *arguments]


def is_exact(found: dict[str, Any]) -> bool:
    """Return True if each row is stored or rejected exactly once."""
    bad = len(range(0, found["count"], BAD_EVERY))
    counted = (found["in_store"], found["rejects_rows"], found["rejects_lines"])
    return counted == (found["count"] - bad, bad, bad)


def main() -> None:
    """Run and print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    found = run(options.directory, count=options.rows, kills=options.kills)
    sys.stdout.write(f"{json.dumps(found, indent=2)}\n")
    sys.exit(not is_exact(found))


if __name__ == "__main__":
    main()
