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
from sqreen_mw.collector.events.base import EventQuery, StoredEvent
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


def test_generated_database_has_each_event(path: Path) -> None:
    """All events are stored, spread over thirty days, in the order of time."""
    found = _events(path)

    assert [one.seq for one in found] == list(range(EVENTS, 0, -1))
    assert len({one.event.timestamp // DAY for one in found}) in {DAYS, DAYS + 1}
    assert len(list((path.parent / "events-periods").glob("*.db"))) in {DAYS, DAYS + 1}


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
