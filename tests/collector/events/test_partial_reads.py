"""Test reads that end at their deadline, and the slices that they read."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqreen_mw.collector.events.base import Count, EventQuery
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.events.filter_parameters import build_filter
from sqreen_mw.collector.events.filters import Comparison, Not
from sqreen_mw.collector.events.sqlite import SqliteEventStore, readers, slices
from sqreen_mw.collector.events.sqlite.slices import time_slices
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.limits import MAX_TIMESTAMP
from tests.collector.events.examples import NOW, CheckedDeadline, batch, event, walk

ALL = EventQuery(start=NOW - 3000, end=NOW + 1)
ABSENT_TEXT = replace(ALL, filter=Comparison(("text",), "contains", "nowhere"))
EVERY_NAME = replace(ALL, filter=Comparison(("event",), "glob", "login*"))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteEventStore]:
    """Return a store with one event in each of 3,000 milliseconds, and short first slices."""
    monkeypatch.setattr(slices, "FEW_EVENTS", 100)
    monkeypatch.setattr(readers, "STEPS_BETWEEN_CHECKS", 2000)
    opened = SqliteEventStore(tmp_path / "events.db")
    opened.append(batch([event(at=NOW - number) for number in range(3000)]))
    yield opened
    opened.close()


@pytest.mark.parametrize("query", [ABSENT_TEXT, EVERY_NAME])
def test_page_returns_what_it_has_found(store: SqliteEventStore, query: EventQuery) -> None:
    """At the deadline the page reports the searched time, and the next page continues there."""
    page = store.page(query, limit=2900, deadline=CheckedDeadline(8))

    assert page.searched_from is not None
    assert ALL.start < page.searched_from < NOW - 100
    assert page.next is not None
    rest = store.page(replace(query, after=page.next), limit=3000)
    assert rest.next is None
    assert len(page.events) + len(rest.events) == (3000 if query is EVERY_NAME else 0)
    assert all(found.event.timestamp >= page.searched_from for found in page.events)
    assert all(found.event.timestamp < page.searched_from for found in rest.events)


def test_histogram_returns_what_it_has_counted(store: SqliteEventStore) -> None:
    """At the deadline the newer intervals are complete, and the older ones are empty."""
    query = replace(ALL, filter=Comparison(("text",), "contains", "login"))
    complete = store.histogram(query, interval=50)
    assert complete.counted_from is None

    cut = store.histogram(query, interval=50, deadline=CheckedDeadline(8))

    assert cut.counted_from is not None
    assert cut.counted_from % 50 == 0
    bar = (cut.counted_from - cut.start) // 50
    assert 0 < bar < len(cut.counts) - 2
    assert cut.counts == (0,) * bar + complete.counts[bar:]


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_read_without_any_result_fails(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    """If the deadline passes before the first slice is read, the error names the limit."""
    monkeypatch.setattr(slices, "FEW_EVENTS", 3000)
    for query in (ABSENT_TEXT, replace(ALL, filter=Not(build_filter({"ip": network})))):
        with pytest.raises(StoreError, match="no answer within 5 s"):
            store.page(query, deadline=CheckedDeadline(0))
        with pytest.raises(StoreError, match="no answer within 5 s"):
            store.histogram(query, interval=100, deadline=CheckedDeadline(0))


def test_cancelled_read_ends(store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled deadline ends a read, and the next read works."""
    monkeypatch.setattr(slices, "FEW_EVENTS", 3000)
    deadline = Deadline(60).start()
    deadline.cancel()

    with pytest.raises(StoreError, match="closed the connection"):
        store.page(ABSENT_TEXT, deadline=deadline)

    assert len(store.page(ALL).events) == 50


def test_full_page_reads_only_the_newest_events(store: SqliteEventStore) -> None:
    """A page that sorts its events is fast if the newest slice fills it."""
    page = store.page(EVERY_NAME, limit=50, deadline=CheckedDeadline(3))

    assert (len(page.events), page.searched_from) == (50, None)


def test_events_of_the_far_future_do_not_make_all_slices_long(store: SqliteEventStore) -> None:
    """One event in the year 9999 takes a slice of its own."""
    store.append(batch([event(at=MAX_TIMESTAMP)]))

    page = store.page(replace(ABSENT_TEXT, end=MAX_TIMESTAMP + 1), deadline=CheckedDeadline(10))

    assert page.searched_from is not None
    assert NOW - 3000 < page.searched_from < NOW


@settings(deadline=None)
@given(
    times=st.lists(st.integers(-100, 100) | st.sampled_from((10**6, 10**12)), max_size=60),
    few=st.sampled_from((2, 10)),
    interval=st.integers(1, 50),
    bounds=st.tuples(st.integers(-150, 150), st.sampled_from((0, 120, 10**13))),
)
def test_slices_cover_each_event_once(
    times: list[int], few: int, interval: int, bounds: tuple[int, int]
) -> None:
    """The slices are apart, newest first, and contain every event of the range."""
    start, end = bounds
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE events (timestamp INTEGER)")
    connection.executemany("INSERT INTO events VALUES (?)", [(at,) for at in times])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "FEW_EVENTS", few)
        found = list(time_slices(connection, start=start, end=end, interval=interval))
    connection.close()

    covered = [at for first, stop in found for at in times if first <= at < stop]
    assert sorted(covered) == sorted(at for at in times if start <= at < end)
    for (first, stop), (_, older_stop) in zip(found, [*found[1:], (0, start)], strict=False):
        assert start <= first < stop <= end
        assert first % interval == 0 or first == start
        assert older_stop <= first


def test_count_searches_the_oldest_events_of_the_range(store: SqliteEventStore) -> None:
    """The count says if there may be more, and has the time of the newest event it counted."""
    oldest = NOW - 2999

    assert store.count(ALL, most=3000) == Count(3000, NOW, is_more=False)
    assert store.count(ALL, most=10) == Count(10, oldest + 9, is_more=True)
    assert store.count(ABSENT_TEXT, most=3000) == Count(0, None, is_more=False)
    assert store.count(ABSENT_TEXT, most=10) == Count(0, None, is_more=True)
    assert store.count(replace(ALL, start=NOW + 1, end=2**50), most=10).number == 0


def test_range_is_small_up_to_a_number_of_events(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filter that needs only an index may have more events."""
    monkeypatch.setattr("sqreen_mw.collector.events.sqlite.store.SLICE", 100)
    by_name = replace(ALL, filter=Comparison(("event",), "=", "login.failed"))

    for query, most in ((ABSENT_TEXT, 100), (EVERY_NAME, 100), (ALL, 2500), (by_name, 2500)):
        assert store.is_small(replace(query, start=NOW - most + 1))
        assert not store.is_small(replace(query, start=NOW - most))


def test_since_advances_without_a_match(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each read searches a bounded number of events, and the last one reaches the end."""
    monkeypatch.setattr("sqreen_mw.collector.events.sqlite.store.SLICE", 1000)
    reached, seq = [], 0

    while seq < store.last_seq():
        found = store.since(ABSENT_TEXT, seq=seq, limit=10, deadline=CheckedDeadline(20))
        assert not found.events
        seq = found.seq
        reached.append(seq)

    assert reached == [1000, 2000, 3000]
    assert store.since(ABSENT_TEXT, seq=3000, limit=10).seq == 3000
    assert len(walk(store, ALL, limit=1000)) == 3000
