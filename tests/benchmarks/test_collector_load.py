from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.collector_ingest import measure
from benchmarks.collector_load import measure_searches, measure_tail, newest_event
from benchmarks.event_database import ABSENT_TEXT, write_event_database
from benchmarks.running_collector import RunningCollector, running_collector
from sqreen_mw.collector.events.base import StoredEvent

pytestmark = pytest.mark.slow

EVENTS = 25_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small generated database."""
    return write_event_database(tmp_path_factory.mktemp("load"), events=EVENTS).parent


@pytest.fixture(scope="module")
def newest(folder: Path) -> StoredEvent:
    """Return the newest event of the database."""
    return newest_event(folder)


@pytest.fixture(scope="module")
def collector(folder: Path, newest: StoredEvent) -> Iterator[RunningCollector]:
    """Return a collector of the database. The newest event is read before it starts."""
    assert newest.seq == EVENTS
    with running_collector(folder) as running:
        yield running


def test_pages_are_complete_while_others_search(
    collector: RunningCollector, newest: StoredEvent
) -> None:
    """While 12 searches run, each page over 15 minutes is answered with status 200."""
    cases = list(measure_searches(collector, newest, pages=2, texts=(ABSENT_TEXT,)))

    assert [len(case.pages) for case in cases] == [2, 2, 2]
    assert [case.searches > 0 for case in cases] == [False, True, True]


def test_live_tail_without_a_match_reaches_the_end(
    collector: RunningCollector, newest: StoredEvent
) -> None:
    """A live tail moves on through all events although none matches."""
    assert measure_tail(collector, newest).events >= EVENTS


def test_each_way_of_ingest_is_measured() -> None:
    """All events are stored, and the rates have the names of the table."""
    rates = measure(None, events=1000)

    assert all(rate.events > 0 for rate in rates)
    assert [rate.name.partition(",")[0] for rate in rates] == ["store only"] * 5 + ["HTTP"] * 3
