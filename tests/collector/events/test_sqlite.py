import sqlite3
from pathlib import Path

import pytest

from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.events.base import EventQuery
from sqreen_mw.collector.events.sqlite import SqliteEventStore
from sqreen_mw.collector.events.sqlite.counts import count_by_bar
from sqreen_mw.errors import ConfigurationError, StoreError
from tests.collector.events.examples import EVERYTHING, batch, event


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a store that is closed again."""
    path = tmp_path / "events.db"
    open_event_store(f"sqlite:///{path}").close()
    return path


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    """The database, its journal and its missing folders are made for their owner only."""
    path = tmp_path / "new" / "folder" / "events.db"
    store = open_event_store(f"sqlite:///{path}")
    store.append(batch([event()]))

    modes = {found.name: found.stat().st_mode & 0o777 for found in path.parent.iterdir()}

    assert modes == {"events.db": 0o600, "events.db-wal": 0o600, "events.db-shm": 0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.parent.parent.stat().st_mode & 0o777 == 0o700
    store.close()


@pytest.mark.parametrize(
    "url", ["clickhouse://x/y", "events.db", "sqlite://", "sqlite:///:memory:"]
)
def test_refuses_urls_of_other_things(url: str) -> None:
    """A URL that names no file of SQLite is refused with the form to use."""
    with pytest.raises(ConfigurationError, match="use sqlite:///"):
        open_event_store(url)


def test_refuses_a_folder_that_cannot_be_written() -> None:
    """A path that can't be made names the option that chooses another."""
    with pytest.raises(ConfigurationError, match="--data-dir"):
        open_event_store("sqlite:////proc/nowhere/events.db")


def test_refuses_a_file_of_a_newer_release(path: Path) -> None:
    """A store that a newer release has changed is left alone."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(StoreError, match=r"version 99.*upgrade the collector"):
        open_event_store(f"sqlite:///{path}")


def test_refuses_the_database_of_something_else(tmp_path: Path) -> None:
    """A database with other tables is not filled with ours."""
    path = tmp_path / "music.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (title)")
    connection.close()

    with pytest.raises(StoreError, match=r"music\.db.*something else"):
        open_event_store(f"sqlite:///{path}")


def test_refuses_what_is_no_database(tmp_path: Path) -> None:
    """A file of anything else is named in the message."""
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n" * 100)

    with pytest.raises(StoreError, match=r"notes\.txt"):
        open_event_store(f"sqlite:///{path}")


def test_a_read_ends_at_its_deadline(path: Path) -> None:
    """A read that takes too long says to narrow the range, and the next one works again."""
    store = SqliteEventStore(path, deadline=0)
    store.append(batch([event() for _ in range(1000)]))

    with pytest.raises(StoreError, match="narrow the time range"):
        store.histogram(EventQuery(start=0, end=2**50, text="nowhere"), interval=2**40)

    assert store.last_seq() == 1000
    store.close()


def test_a_number_is_never_given_twice(path: Path) -> None:
    """After the newest events are deleted, new ones still get new numbers."""
    store = open_event_store(f"sqlite:///{path}")
    store.append(batch([event(), event()]))
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM events")
    connection.close()

    store = open_event_store(f"sqlite:///{path}")

    assert store.append(batch([event()])).seq == 3
    store.close()


def test_a_failed_write_leaves_nothing_behind(path: Path) -> None:
    """When a batch fails in its middle, nothing of it is there and the next one works."""
    store = open_event_store(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON events WHEN new.seq = 2"
            " BEGIN SELECT RAISE(ABORT, 'no'); END"
        )

    with pytest.raises(StoreError, match="can't be written"):
        store.append(batch([event(name="new"), event()]))

    with connection:
        connection.execute("DROP TRIGGER refuse")
    connection.close()
    assert not store.page(EVERYTHING).events
    store.append(batch([event(name="new")]))
    assert [found.event.name for found in store.page(EVERYTHING).events] == ["new"]
    store.close()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (EventQuery(start=0, end=9), "events_by_time (timestamp>? AND timestamp<?)"),
        (EventQuery(start=0, end=9, app="a", env="e"), "events_by_time"),
        (EventQuery(start=0, end=9, app="a", name="x"), "events_by_name (name=? AND timestamp>?"),
        (EventQuery(start=0, end=9, name="x.*"), "events_by_name (name=? AND timestamp>?"),
        (EventQuery(start=0, end=9, ip="10.0.0.1"), "events_by_ip (ip=? AND timestamp>?"),
        (EventQuery(start=0, end=9, ip="10.0.0.0/8"), "events_by_ip (ip>? AND ip<?)"),
        (EventQuery(start=0, end=9, user="7"), "PRIMARY KEY (value=? AND timestamp>?"),
    ],
)
def test_counts_by_an_index(path: Path, query: EventQuery, index: str) -> None:
    """Each filter is answered from an index that also has the time."""
    sql, values = count_by_bar(query, first=0, interval=1, bars=9)
    connection = sqlite3.connect(path)

    plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()

    connection.close()
    assert any(index in row[3] for row in plan), plan
