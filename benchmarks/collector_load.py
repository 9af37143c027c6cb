"""Does the Explorer stay fast while others search, and does a live tail always advance?

::

    python -m benchmarks.event_database DIRECTORY
    python -m benchmarks.collector_load DIRECTORY
"""

import argparse
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from benchmarks.event_database import ABSENT_TEXT, COMMON_TEXT, DAY, DAYS
from benchmarks.figures import table
from benchmarks.hanging_collector import quantile
from benchmarks.running_collector import RunningCollector, running_collector
from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.events.base import EventQuery, StoredEvent
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP

GOAL_SECONDS: Final = 0.5
"""The slowest page over 15 minutes, while others search."""

SEARCHES: Final = 12
PAUSE: Final = 0.1

_SEARCH_ENDS: Final = {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}
_Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """The seconds of each page of a load case, and how many searches ended meanwhile."""

    name: str
    pages: list[float]
    searches: int

    def cells(self) -> tuple[str, ...]:
        """Return the cells of a table."""
        times = (quantile(self.pages, of) for of in (0.5, 0.95, 1.0))
        return self.name, *(f"{each * 1e3:.0f}" for each in times), str(self.searches)


@dataclass(frozen=True, slots=True)
class TailRun:
    """A live tail without a match: the searched events, and the longest pause of its messages."""

    events: int
    seconds: float
    longest: float


def main() -> None:
    """Print the times of the pages and of the live tail.

    Raises:
        SystemExit: A page was slower than the goal.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("directory", type=Path, help="the folder of the generated database")
    parser.add_argument("--pages", type=int, default=50)
    given = parser.parse_args()
    newest = newest_event(given.directory)
    with running_collector(given.directory) as collector:
        cases = list(measure_searches(collector, newest, pages=given.pages))
        head = ("", "p50 ms", "p95 ms", "longest ms", "ended searches")
        sys.stdout.write(f"{table(head, [case.cells() for case in cases])}\n")
        sys.stdout.flush()
        tail = measure_tail(collector, newest)
    sys.stdout.write(
        f"live tail: {tail.events:,} events in {tail.seconds:.1f} s, "
        f"at most {tail.longest * 1e3:.0f} ms between two messages\n"
    )
    if max(max(case.pages) for case in cases) > GOAL_SECONDS:
        raise SystemExit(1)


def measure_searches(
    collector: RunningCollector,
    last: StoredEvent,
    *,
    pages: int,
    texts: Sequence[str] = (ABSENT_TEXT, COMMON_TEXT),
) -> Iterator[Case]:
    """Yield the times of a page over 15 minutes: without searches, and while others search.

    Args:
        collector: The collector.
        last: Its newest event.
        pages: Number of pages of each case.
        texts: The texts that others search.
    """
    mine, *others = collector.sessions(SEARCHES + 1)
    newest = last.event.timestamp
    page = f"/events?range=15m&at={newest}"
    _get(collector, page, mine)
    yield Case("no searches", _times(collector, page, mine, pages=pages), 0)
    for text in texts:
        for name, sessions in (("one session", others[:1] * SEARCHES), ("12 sessions", others)):
            with _searching(collector, text, newest=newest, sessions=sessions) as ended:
                times = _times(collector, page, mine, pages=pages)
            yield Case(f"{SEARCHES} searches for {text}, {name}", times, len(ended))


def measure_tail(collector: RunningCollector, last: StoredEvent) -> TailRun:
    """Follow all events up to the last one with a filter that matches none."""
    [session] = collector.sessions(1)
    connection = collector.connect()
    query = urlencode({"q": ABSENT_TEXT, "since": 0})
    connection.request("GET", f"/events/live?{query}", headers=session)
    answer = connection.getresponse()
    begin = before = time.perf_counter()
    longest, seq = 0.0, 0
    while seq < last.seq:
        line = answer.readline()
        if not line:
            raise ConnectionError(f"the live tail ended at {seq} of {last.seq} events")
        if line.startswith(b"id: "):
            now = time.perf_counter()
            longest, before, seq = max(longest, now - before), now, int(line[4:])
    connection.close()
    return TailRun(seq, before - begin, longest)


def newest_event(folder: Path) -> StoredEvent:
    """Return the newest event of a data folder. No collector uses it yet."""
    store = open_event_store(f"sqlite:///{folder / 'events.db'}")
    [newest] = store.page(EventQuery(start=MIN_TIMESTAMP, end=MAX_TIMESTAMP + 1), limit=1).events
    store.close()
    return newest


@contextmanager
def _searching(
    collector: RunningCollector, text: str, *, newest: int, sessions: list[_Headers]
) -> Iterator[list[float]]:
    """Search over 30 days without a pause, once for each session at a time."""
    given = {"q": text, "from": newest - DAYS * DAY, "to": newest + 1, "interval": DAY}
    path = f"/v1/events/histogram?{urlencode(given)}"
    stop, ended = threading.Event(), list[float]()

    def search(headers: _Headers) -> None:
        while not stop.is_set():
            ended.append(_get(collector, path, headers))

    threads = [threading.Thread(target=search, args=(headers,)) for headers in sessions]
    for thread in threads:
        thread.start()
    time.sleep(1)
    try:
        yield ended
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _times(collector: RunningCollector, page: str, headers: _Headers, *, pages: int) -> list[float]:
    times = []
    for _ in range(pages):
        times.append(_get(collector, page, headers))
        time.sleep(PAUSE)
    return times


def _get(collector: RunningCollector, path: str, headers: _Headers) -> float:
    """Return the seconds of a request."""
    connection = collector.connect()
    begin = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    took = time.perf_counter() - begin
    connection.close()
    if answer.status not in (_SEARCH_ENDS if path.startswith("/v1") else {HTTPStatus.OK}):
        raise ConnectionError(f"{path} has status {answer.status}")
    return took


if __name__ == "__main__":
    main()
