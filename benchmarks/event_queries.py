"""How long do the Explorer's reads of the event store take, warm?

::

    python -m benchmarks.event_database DIRECTORY --events 10000000
    python -m benchmarks.event_queries DIRECTORY

Each cell is the median of the wall time and the CPU time, in milliseconds. A star marks a part that
the deadline ended.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.event_database import (
    ABSENT_TEXT,
    COMMON_TEXT,
    DAY,
    FREQUENT_IP,
    FREQUENT_USER,
)
from benchmarks.figures import table
from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.events.base import EventQuery, EventStore
from sqreen_mw.collector.events.filter_parameters import build_filter
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP

HOUR: Final = DAY // 24
RANGES: Final = {"1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
BARS: Final = 60
ROUNDS: Final = 5
FILTERS: Final[Mapping[str, Mapping[str, str]]] = {
    "none": {},
    "name": {"event": '"feature.search"'},
    "glob feature.*": {"event": "feature.*"},
    "frequent IP": {"ip": FREQUENT_IP},
    "network /8": {"ip": "198.0.0.0/8"},
    "frequent user": {"user": f'"{FREQUENT_USER}"'},
    "name and IP": {"event": '"feature.search"', "ip": FREQUENT_IP},
    "common text": {"q": COMMON_TEXT},
    "absent text": {"q": ABSENT_TEXT},
    "rare user": {"user": '"user199999@example.org"'},
}


def main() -> None:
    """Print the times of pages and histograms."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("directory", type=Path, help="the folder of the generated database")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    with closing(open_event_store(f"sqlite:///{given.directory / 'events.db'}")) as store:
        rows = measure(store, rounds=given.rounds)
    head = ("", *(f"{read} {name}" for read in ("page", "histogram") for name in RANGES))
    sys.stdout.write(f"{table(head, rows)}\n")


def measure(store: EventStore, *, rounds: int) -> list[tuple[str, ...]]:
    """Return a row for each filter, with a cell for each range of pages and of histograms."""
    everything = EventQuery(start=MIN_TIMESTAMP, end=MAX_TIMESTAMP + 1)
    end = store.page(everything, limit=1).events[0].event.timestamp + 1
    return [
        (
            name,
            *(
                _cell(partial(read, store), _query(filters, end, span), rounds)
                for read in (_page, _histogram)
                for span in RANGES.values()
            ),
        )
        for name, filters in FILTERS.items()
    ]


def _query(filters: Mapping[str, str], end: int, span: int) -> EventQuery:
    return EventQuery(start=end - span, end=end, filter=build_filter(filters))


def _page(store: EventStore, query: EventQuery) -> bool:
    return store.page(query).searched_from is None


def _histogram(store: EventStore, query: EventQuery) -> bool:
    interval = (query.end - query.start) // BARS
    return store.histogram(query, interval=interval).counted_from is None


def _cell(read: Callable[[EventQuery], bool], query: EventQuery, rounds: int) -> str:
    walls, cpus, whole = [], [], True
    for _ in range(rounds + 1):
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            whole = read(query)
        except StoreError:
            whole = False
        walls.append(time.perf_counter() - wall)
        cpus.append(time.thread_time() - cpu)
        if not whole:
            break
    warm = slice(1 if len(walls) > 1 else 0, None)
    mark = "" if whole else " *"
    return f"{median(walls[warm]) * 1e3:.0f} ({median(cpus[warm]) * 1e3:.0f}){mark}"


if __name__ == "__main__":
    main()
