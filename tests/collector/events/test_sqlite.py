import os
import sqlite3
import tempfile
from pathlib import Path

import pytest

from sqreen_mw.collector.database_file import make_private_file
from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.events.base import EventQuery
from sqreen_mw.collector.events.filter_parameters import build_filter
from sqreen_mw.collector.events.filters import Comparison
from sqreen_mw.collector.events.sqlite import SqliteEventStore, readers
from sqreen_mw.collector.events.sqlite.counts import count_by_bar
from sqreen_mw.collector.events.sqlite.readers import add_functions
from sqreen_mw.collector.events.sqlite.schema import PERIOD_TABLES
from sqreen_mw.errors import ConfigurationError, StoreError
from tests.collector.events.examples import ANY_TIME, NOW, batch, event


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a closed store."""
    path = tmp_path / "events.db"
    open_event_store(f"sqlite:///{path}").close()
    return path


def period(path: Path) -> Path:
    """Return the file of the period that has the examples."""
    return path.parent / "events-periods" / "2023-11-14.db"


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    """The database, its journal and new folders are private."""
    path = tmp_path / "new" / "folder" / "events.db"
    store = open_event_store(f"sqlite:///{path}")
    store.append(batch([event()]))

    modes = {found.name: found.stat().st_mode & 0o777 for found in path.parent.rglob("*.db*")}

    databases = ("events.db", "2023-11-14.db")
    assert modes == {
        "events.db-lock": 0o600,
        **{f"{name}{end}": 0o600 for name in databases for end in ("", "-wal", "-shm")},
    }
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (path.parent / "events-periods").stat().st_mode & 0o777 == 0o700
    assert path.parent.parent.stat().st_mode & 0o777 == 0o700
    store.close()


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604, 0o777])
def test_readable_files_become_private(
    path: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    """An existing database and its journals lose the permissions of others, with a log line."""
    files = [path.with_name(path.name + end) for end in ("", "-wal", "-shm", "-journal")]
    for file in files:
        file.touch()
        file.chmod(mode)

    open_event_store(f"sqlite:///{path}").close()

    assert [file.stat().st_mode & 0o777 for file in files if file.exists()] == [0o600] * 2
    assert caplog.text.count("it is now 600") == len(files)


def test_strict_umask_does_not_matter(tmp_path: Path) -> None:
    """A new database can be opened by its owner even if the umask removes all permissions."""
    before = os.umask(0o777)
    try:
        path = tmp_path / "events.db"
        make_private_file(path, setting="--events-url")
    finally:
        os.umask(before)

    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_readable_file_of_another_user_is_refused() -> None:
    """The error names the file and the command that fixes it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "events.db"
        path.touch()
        path.chmod(0o666)
        os.seteuid(65534)
        try:
            with pytest.raises(ConfigurationError, match=f"run 'chmod 600 {path}' as its owner"):
                make_private_file(path, setting="--events-url")
        finally:
            os.seteuid(0)


@pytest.mark.parametrize(
    "url", ["clickhouse://x/y", "events.db", "sqlite://", "sqlite:///:memory:"]
)
def test_unknown_url_is_rejected(url: str) -> None:
    """The error shows a valid URL."""
    with pytest.raises(ConfigurationError, match="use sqlite:///"):
        open_event_store(url)


def test_unwritable_folder_is_rejected() -> None:
    """The error names --data-dir."""
    with pytest.raises(ConfigurationError, match="--data-dir"):
        open_event_store("sqlite:////proc/nowhere/events.db")


def test_newer_store_is_rejected(path: Path) -> None:
    """A store of a newer release is not changed."""
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


def test_file_that_is_no_database_is_rejected(tmp_path: Path) -> None:
    """The error names the file."""
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n" * 100)

    with pytest.raises(StoreError, match=r"notes\.txt"):
        open_event_store(f"sqlite:///{path}")


def test_slow_read_fails_at_its_deadline(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says to narrow the range, and the next read works."""
    monkeypatch.setattr(readers, "STEPS_BETWEEN_CHECKS", 2000)
    store = SqliteEventStore(path, seconds=0)
    store.append(batch([event() for _ in range(1000)]))

    with pytest.raises(StoreError, match="narrow the time range"):
        store.histogram(
            EventQuery(start=0, end=2**50, filter=Comparison(("text",), "contains", "nowhere")),
            interval=2**40,
        )

    assert store.last_seq() == 1000
    store.close()


def test_sequence_numbers_are_never_reused(path: Path) -> None:
    """New events get new numbers after the newest events were deleted, and after a restart."""
    store = open_event_store(f"sqlite:///{path}")
    store.append(batch([event(), event()]))
    store.remove_before(NOW * 2)
    store.close()

    store = open_event_store(f"sqlite:///{path}")

    assert store.append(batch([event()])).seq == 3
    store.close()


def test_failed_write_is_rolled_back(path: Path) -> None:
    """A failed batch stores nothing, and the next one works."""
    store = open_event_store(f"sqlite:///{path}")
    store.append(batch([event()]))
    with sqlite3.connect(period(path)) as connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON events WHEN new.seq = 3"
            " BEGIN SELECT RAISE(ABORT, 'no'); END"
        )

    with pytest.raises(StoreError, match="cannot be written"):
        store.append(batch([event(name="new"), event()]))

    with connection:
        connection.execute("DROP TRIGGER refuse")
    connection.close()
    assert len(store.page(ANY_TIME).events) == 1
    store.append(batch([event(name="new")]))
    assert [found.event.name for found in store.page(ANY_TIME).events] == ["new", "login.failed"]
    store.close()


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "events_by_time (timestamp>? AND timestamp<?)"),
        ({"app": "a", "env": "e"}, "events_by_time"),
        ({"app": "a", "event": "x"}, "events_by_name (name=? AND timestamp>?"),
        ({"event": "x.*"}, "events_by_name (name=? AND timestamp>?"),
        ({"ip": "10.0.0.1"}, "events_by_ip (ip=? AND timestamp>?"),
        ({"ip": "10.0.0.0/8"}, "events_by_ip (ip>? AND ip<?)"),
        ({"user": "7"}, "PRIMARY KEY (value=? AND timestamp>?"),
        ({"user": '"7"'}, "PRIMARY KEY (value=? AND timestamp>?"),
        ({"outcome": "failed"}, "COVERING INDEX events_by_time"),
        ({"event": '"x"', "imported": "true"}, "COVERING INDEX events_by_name"),
        ({"identity": "claimed", "forwarded_ignored": "false"}, "COVERING INDEX events_by_time"),
    ],
)
def test_histogram_uses_an_index(tmp_path: Path, filters: dict[str, str], index: str) -> None:
    """Each filter uses an index that has the time."""
    query = EventQuery(start=0, end=9, filter=build_filter(filters))
    sql, values = count_by_bar(query, interval=1)
    connection = sqlite3.connect(tmp_path / "period.db")
    for statement in PERIOD_TABLES:
        connection.execute(statement)
    add_functions(connection)

    plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()

    connection.close()
    assert any(index in row[3] for row in plan), plan
