import itertools
import sqlite3
from pathlib import Path

import pytest

from benchmarks.event_database import (
    ABSENT_TEXT,
    COMMON_TEXT,
    DAY,
    DAYS,
    FREQUENT_IP,
    FREQUENT_USER,
    write_event_database,
)
from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.events.base import AcceptedBatch, EventQuery, StoredEvent
from sqreen_mw.collector.events.filter_parameters import build_filter
from tests.collector.events.examples import walk

EVENTS = 3000
END = 1_796_071_625_061
RANGE = EventQuery(start=END - DAYS * DAY, end=END + 1)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small generated database."""
    return write_event_database(tmp_path_factory.mktemp("events"), events=EVENTS, end=END)


def _events(path: Path) -> list[StoredEvent]:
    store = open_event_store(f"sqlite:///{path}")
    found = walk(store, RANGE, limit=1000)
    store.close()
    return found


def test_generated_database_equals_one_written_by_the_store(path: Path, tmp_path: Path) -> None:
    """Tables, indexes and rows are those that the store itself writes."""
    stored = sorted(_events(path), key=lambda found: found.seq)
    store = open_event_store(f"sqlite:///{tmp_path / 'events.db'}")
    for received_at, found in itertools.groupby(stored, key=lambda found: found.received_at):
        events = [each.event for each in found]
        store.append(
            AcceptedBatch(
                app="shop", env="production", release="1.0", received_at=received_at, events=events
            )
        )
    store.close()

    assert len(stored) == EVENTS
    assert _dump(path) == _dump(tmp_path / "events.db")


def test_generated_database_is_the_same_each_time(path: Path, tmp_path: Path) -> None:
    """Two databases with the same end have the same events."""
    assert _events(write_event_database(tmp_path, events=EVENTS, end=END)) == _events(path)


def test_filters_of_the_load_cases_match_as_named(path: Path) -> None:
    """Frequent values are frequent, and the absent text is absent."""
    store = open_event_store(f"sqlite:///{path}")
    counts = [
        store.histogram(
            EventQuery(start=RANGE.start, end=RANGE.end, filter=build_filter(filters)), interval=DAY
        ).total
        for filters in (
            {"q": COMMON_TEXT}, {"ip": FREQUENT_IP}, {"user": FREQUENT_USER}, {"q": ABSENT_TEXT}
        )
    ]  # fmt: skip
    store.close()

    assert counts[0] > EVENTS / 4
    assert min(counts[:3]) > EVENTS / 50
    assert counts[3] == 0


def test_existing_database_is_not_overwritten(path: Path) -> None:
    """The error names the file."""
    with pytest.raises(FileExistsError, match=r"events\.db exists"):
        write_event_database(path.parent, events=1)


def _dump(path: Path) -> list[object]:
    connection = sqlite3.connect(path)
    words = dict(connection.execute("SELECT id, text FROM words"))
    events = [
        (*row[:2], *map(words.get, row[2:6]), *row[6:])
        for row in connection.execute("SELECT * FROM events")
    ]
    others = [
        sorted(connection.execute(query))
        for query in (
            "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL",
            "SELECT * FROM event_users",
            "SELECT * FROM last_seq",
        )
    ]
    connection.close()
    return [events, *others]
