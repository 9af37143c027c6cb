"""A store of several files behaves like one, also after failures."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from sqreen_mw.collector.events.base import Appended, EventQuery
from sqreen_mw.collector.events.filters import Comparison
from sqreen_mw.collector.events.sqlite import SqliteEventStore, period_writer, writer
from sqreen_mw.collector.store_health import WatchedStore
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.protocol.limits import MIN_TIMESTAMP
from tests.collector.events.examples import ANY_TIME, NOW, batch, event, walk

DAY = 24 * 60 * 60 * 1000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteEventStore]:
    """Return an empty store."""
    opened = SqliteEventStore(tmp_path / "events.db")
    yield opened
    opened.close()


def _files(path: Path) -> list[str]:
    return sorted(file.stem for file in (path / "events-periods").glob("*.db"))


def _spread(count: int) -> list[int]:
    return [NOW - number * DAY for number in range(count)]


def test_each_event_lies_in_the_file_of_its_day(store: SqliteEventStore, tmp_path: Path) -> None:
    """A late event finds the day to which it belongs."""
    store.append(batch([event(at=at) for at in (NOW, NOW - DAY, NOW + 1)]))

    assert _files(tmp_path) == ["2023-11-13", "2023-11-14"]
    found = walk(store, ANY_TIME, limit=2)
    assert [one.event.timestamp for one in found] == [NOW + 1, NOW, NOW - DAY]
    assert [one.seq for one in found] == [3, 2, 1]


def test_more_periods_than_open_files(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writes and reads go on when there are more periods than open files."""
    monkeypatch.setattr(writer, "MAX_OPEN", 6)
    times = _spread(18)
    for _ in range(2):
        store.append(batch([event(at=at) for at in times]))

    found = walk(store, ANY_TIME, limit=7)

    assert [one.event.timestamp for one in found] == sorted(times * 2, reverse=True)
    assert [one.seq for one in store.consume(after=0, limit=100)] == list(range(1, 37))


def test_events_of_a_month_keep_their_periods_open(store: SqliteEventStore) -> None:
    """Opening a period again takes longer than to write its part of a batch."""
    times = _spread(31)
    store.append(batch([event(at=at) for at in times]))
    opened = dict(store._writer._open)  # noqa: SLF001 - the open periods

    store.append(batch([event(at=at) for at in times]))

    assert store._writer._open == opened  # noqa: SLF001 - the open periods
    assert len(opened) == 31


def test_restart_keeps_everything(tmp_path: Path) -> None:
    """Sequence numbers, ids and events are the same after a restart."""
    path, events = tmp_path / "events.db", [event(at=at) for at in _spread(3)]
    store = SqliteEventStore(path)
    store.append(batch(events))
    before = walk(store, ANY_TIME, limit=10)
    store.close()

    store = SqliteEventStore(path)

    assert walk(store, ANY_TIME, limit=10) == before
    assert store.append(batch([*events, event()])) == Appended(1, 3, 4)
    store.close()


def test_id_is_unique_in_all_periods(store: SqliteEventStore) -> None:
    """An id of another day is found, and is a duplicate with any timestamp."""
    event_id = new_event_id(NOW - 300 * DAY)
    moved = replace(event(at=NOW), id=event_id)
    store.append(batch([moved]))

    times = (NOW - 300 * DAY, NOW - DAY, NOW, 0)
    appended = [store.append(batch([replace(moved, timestamp=at)])) for at in times]

    assert appended == [Appended(0, 1, 1)] * 4
    found = store.get("shop", event_id)
    assert found is not None
    assert found.event == moved
    assert store.get("bank", event_id) is None


def test_second_collector_is_refused(store: SqliteEventStore, tmp_path: Path) -> None:
    """The error names the file and a way out, and the first collector goes on."""
    with pytest.raises(StoreError, match=r"another collector uses .*events\.db: stop it"):
        SqliteEventStore(tmp_path / "events.db", lock_seconds=0)

    assert store.append(batch([event()])).accepted == 1


def test_failed_period_leaves_the_others_consistent(
    store: SqliteEventStore, tmp_path: Path
) -> None:
    """If one of two files refuses, the batch fails, and sent again it is complete."""
    store.append(batch([event(at=NOW)]))
    newest = sqlite3.connect(tmp_path / "events-periods" / "2023-11-14.db", isolation_level=None)
    newest.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    sent = batch([event(at=NOW), event(at=NOW - DAY)])

    with pytest.raises(StoreError, match="cannot be written"):
        store.append(sent)
    newest.execute("DROP TRIGGER refuse")
    newest.close()

    assert store.append(sent) == Appended(1, 1, 3)
    assert [one.seq for one in store.consume(after=0, limit=9)] == [1, 2, 3]


@pytest.mark.parametrize("name", ["events.db", "events-periods/2023-11-14.db"])
def test_deleted_file_refuses_new_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Events in a deleted file would be lost at the next start, so none is stored any more."""
    monkeypatch.setattr(writer, "LOOK_SECONDS", 0)
    store = SqliteEventStore(tmp_path / "events.db")
    store.append(batch([event()]))
    store.append(batch([event()]))
    (tmp_path / name).unlink()
    monkeypatch.setattr(writer, "LOOK_SECONDS", 3600)

    for _ in range(3):
        with pytest.raises(StoreError, match=r"was deleted or replaced: put it back and restart"):
            store.append(batch([event()]))
    store.close()


def test_old_periods_are_deleted(store: SqliteEventStore, tmp_path: Path) -> None:
    """Periods that end before a time lose their files. Numbers are never given again."""
    moved = event(at=NOW - 2 * DAY)
    store.append(batch([moved]))
    store.append(batch([event(at=at) for at in (NOW - 2 * DAY, NOW - DAY)]))

    assert store.remove_before(NOW - DAY + 1) == 1
    assert store.remove_before(NOW - DAY + 1) == 0

    assert _files(tmp_path) == ["2023-11-13"]
    assert len(walk(store, ANY_TIME, limit=9)) == 1
    assert store.get("shop", moved.id) is None
    assert store.remove_before(NOW + 10 * DAY) == 1
    assert store.append(batch([event()])).seq == 4
    assert not store.page(EventQuery(start=0, end=NOW - DAY)).events


def test_late_event_of_a_deleted_period_is_stored(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The period gets a new file, which no read of the deleted one hides."""
    monkeypatch.setattr(writer, "LOOK_SECONDS", 0)
    watched = WatchedStore("events", store.files, store.check_writable)
    times = [NOW, NOW - 400 * DAY, -(10**12)]
    for at in times:
        store.append(batch([event(at=at)]))
    query = EventQuery(start=MIN_TIMESTAMP, end=NOW + 1)
    assert watched.report().file == "in place"
    with store._readers.read() as reading:  # noqa: SLF001 - a read that a removal interrupts
        for _ in store._opened(reading, store._catalogue.periods):  # noqa: SLF001 - its connections
            pass
        assert store.remove_before(NOW + DAY) == 3

    for at in times * 2:
        store.append(batch([event(at=at)]))

    assert [one.seq for one in store.page(query).events] == [7, 4, 8, 5, 9, 6]
    assert watched.report().file == "in place"


def test_reads_go_on_while_periods_are_deleted(store: SqliteEventStore) -> None:
    """A read that has begun leaves out the periods that are deleted meanwhile."""
    stored = [event(at=at) for at in _spread(4)]
    store.append(batch(stored))
    with store._readers.read() as reading:  # noqa: SLF001 - a read that a removal interrupts
        opened = store._newest_first(reading, 0, NOW + 1)  # noqa: SLF001 - one of its steps
        [first, *_], removed = next(opened), store.remove_before(NOW - DAY)
        rest = [period.name for period, _ in opened]

    assert (first.name, removed, rest) == ("2023-11-14", 2, ["2023-11-13"])
    assert store.get("shop", stored[3].id) is None


def test_period_that_is_opened_again_is_in_place(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A period that was closed for others gets a new write-ahead log."""
    monkeypatch.setattr(writer, "MAX_OPEN", 6)
    watched = WatchedStore("events", store.files, store.check_writable)

    for _ in range(3):
        for at in _spread(12):
            store.append(batch([event(at=at)]))
        assert watched.report().file == "in place"


def test_failed_checkpoint_keeps_the_numbers(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch whose log cannot be emptied is stored, and no other event gets its numbers."""
    monkeypatch.setattr(period_writer, "MAX_WAL_BYTES", 1)
    store.append(batch([event()]))
    [opened] = store._writer._open.values()  # noqa: SLF001 - a disk that is full at a checkpoint

    def refuse(action: int, name: str | None, *_: str | None) -> int:
        is_checkpoint = action == sqlite3.SQLITE_PRAGMA and name == "wal_checkpoint"
        return sqlite3.SQLITE_DENY if is_checkpoint else sqlite3.SQLITE_OK

    opened._next_checkpoint = 0  # noqa: SLF001 - at the next batch
    opened._connection.set_authorizer(refuse)  # noqa: SLF001 - a disk that is full at a checkpoint

    assert store.append(batch([event(), event()])) == Appended(2, 0, 3)

    opened._connection.set_authorizer(None)  # noqa: SLF001 - a disk with room again
    assert store.append(batch([event()])) == Appended(1, 0, 4)
    assert [one.seq for one in walk(store, ANY_TIME, limit=9)] == [4, 3, 2, 1]


def test_long_reads_do_not_let_the_log_grow(
    store: SqliteEventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the reads of its older parts end, the write-ahead log is emptied."""
    monkeypatch.setattr(period_writer, "MAX_WAL_BYTES", 200_000)
    monkeypatch.setattr(period_writer, "_WAL_STEP", 50_000)
    monkeypatch.setattr(period_writer, "_CHECKPOINT_MILLISECONDS", 10)
    store.append(batch([event()]))
    wal = tmp_path / "events-periods" / "2023-11-14.db-wal"
    reader = sqlite3.connect(wal.with_name("2023-11-14.db"), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM events").fetchone()
    sizes = []

    for number in range(40):
        if number == 20:
            reader.execute("COMMIT")
        store.append(batch([event(properties={"x": "y" * 4000}) for _ in range(10)]))
        sizes.append(wal.stat().st_size)

    reader.close()
    assert max(sizes[:20]) > 300_000
    assert max(sizes[21:]) < 300_000


def test_network_filter_returns_a_part_at_its_deadline(store: SqliteEventStore) -> None:
    """Each period is a slice of its own for a filter that reads a range of an index."""
    store.append(batch([event(at=at, ip="203.0.113.7") for at in _spread(3)]))
    query = EventQuery(start=0, end=NOW + 1, filter=Comparison(("ip",), "in", "203.0.0.0/16"))

    assert store.histogram(query, interval=NOW).total == 3
    assert len(store.page(query, limit=2).events) == 2
