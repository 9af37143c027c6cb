"""A store of the release with one file becomes one of periods, whatever interrupts it."""

import shutil
import sqlite3
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from sqreen_mw.collector.events.sqlite import SqliteEventStore, upgrade
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.batch import encode_event
from sqreen_mw.protocol.event_id import event_id_bytes
from tests.collector.events.examples import ANY_TIME, NOW, event, walk

DAY = 24 * 60 * 60 * 1000
# The tables of release 0.2.0.
OLD_TABLES = """
CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE last_seq (seq INTEGER NOT NULL) STRICT;
INSERT INTO last_seq VALUES (0);
CREATE TABLE events (
  seq INTEGER PRIMARY KEY, event_id BLOB NOT NULL, app INTEGER NOT NULL, env INTEGER NOT NULL,
  release INTEGER, name INTEGER NOT NULL, timestamp INTEGER NOT NULL,
  received_at INTEGER NOT NULL, ip BLOB, json TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_by_id ON events (event_id, app);
CREATE TABLE event_users (
  value TEXT NOT NULL, timestamp INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (value, timestamp, seq)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
"""


def _write_old(path: Path, count: int) -> list[tuple[int, str | None, str]]:
    """Write a store of the older release, and return number, release and id of each event."""
    connection = sqlite3.connect(path)
    connection.executescript(OLD_TABLES)
    words = [(text,) for text in ("shop", "prod", "1.0", "login.failed")]
    connection.executemany("INSERT INTO words (text) VALUES (?)", words)
    expected = []
    for seq in range(2, count + 2):
        one = event(at=NOW - seq * DAY // 7, user_identifiers={"email": f"Ann{seq}@x.org"})
        release = None if seq % 5 else 3
        connection.execute(
            "INSERT INTO events VALUES (?, ?, 1, 2, ?, 4, ?, ?, NULL, ?)",
            (
                *(seq, event_id_bytes(one.id), release, one.timestamp, NOW),
                encode_event(one).decode(),
            ),
        )
        expected.append((seq, None if release is None else "1.0", one.id))
    connection.execute("UPDATE last_seq SET seq = ?", (count + 9,))
    connection.commit()
    connection.close()
    return expected


def _copied(store: SqliteEventStore) -> list[tuple[int, str | None, str]]:
    found = store.consume(after=0, limit=100_000)
    return [(one.seq, one.release, one.event.id) for one in found]


def test_events_keep_their_numbers(tmp_path: Path) -> None:
    """Each event is found as before, and no number is given again."""
    path = tmp_path / "events.db"
    expected = _write_old(path, 200)

    store = SqliteEventStore(path)

    assert _copied(store) == expected
    newest = walk(store, ANY_TIME, limit=7)
    assert [(one.seq, one.release, one.event.id) for one in newest] == expected
    assert store.last_seq() == 209
    found = store.get("shop", expected[7][2])
    assert found is not None
    assert (found.received_at, found.imported, found.outcome) == (NOW, False, "failed")
    store.close()
    assert sorted(file.name for file in tmp_path.glob("*.db")) == ["events.db"]


def test_empty_store_is_upgraded(tmp_path: Path) -> None:
    """A store without events becomes an empty one."""
    path = tmp_path / "events.db"
    _write_old(path, 0)

    store = SqliteEventStore(path)

    assert _copied(store) == []
    store.close()


def test_full_disk_is_reported_before_the_upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old file stays in place until there is room for the copy."""
    path = tmp_path / "events.db"
    expected = _write_old(path, 20)
    usage = shutil.disk_usage(tmp_path)
    free = path.stat().st_size  # The copy is larger.
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))

    with pytest.raises(StoreError, match=r"the upgrade of .*events\.db needs .* free some space"):
        SqliteEventStore(path)

    monkeypatch.undo()
    store = SqliteEventStore(path)
    assert _copied(store) == expected
    store.close()


@pytest.mark.parametrize("work", ["SELECT 1 FROM events", "DELETE FROM words WHERE id = 9"])
def test_older_collector_that_still_runs_is_reported(tmp_path: Path, work: str) -> None:
    """The old file stays as it is until the collector of the older release has stopped."""
    path = tmp_path / "events.db"
    expected = _write_old(path, 20)
    older = sqlite3.connect(path, isolation_level=None)
    older.execute(work)

    with pytest.raises(StoreError, match=r"events\.db cannot be upgraded.*stop the collector"):
        SqliteEventStore(path, lock_seconds=0)

    older.close()
    store = SqliteEventStore(path)
    assert _copied(store) == expected
    store.close()


def test_damaged_event_is_named(tmp_path: Path) -> None:
    """The old file stays, and the error names it."""
    path = tmp_path / "events.db"
    _write_old(path, 3)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE events SET json = '{' WHERE seq = 3")
    connection.close()

    with pytest.raises(
        StoreError, match=r"events-before-upgrade\.db cannot be upgraded: event 3: "
    ):
        SqliteEventStore(path)

    assert (tmp_path / "events-before-upgrade.db").exists()


def test_progress_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A line names the number of events, the rate and the remaining time."""
    caplog.set_level("INFO")
    ticks = iter(range(0, 10_000, 10))
    progress = upgrade._Progress(first=0, last=1000, clock=lambda: float(next(ticks)))  # noqa: SLF001 - a clock of whole seconds

    progress.report(250)

    assert caplog.messages[-1] == (
        "upgrading the event store: 250 of 1,000 events, 25/s, 0:00:30 left"
    )


@pytest.mark.slow
def test_killed_upgrade_goes_on(tmp_path: Path) -> None:
    """After SIGKILLs at any moment, all events are there once, in their order."""
    path = tmp_path / "events.db"
    expected = _write_old(path, 3000)
    program = (
        "import sys; from pathlib import Path\n"
        "from sqreen_mw.collector.events.sqlite import SqliteEventStore, period_writer, upgrade\n"
        "upgrade._CHUNK = 20\n"
        "copy = period_writer.PeriodWriter.copy\n"
        "def noisy(self, events): print('copy', flush=True); copy(self, events)\n"
        "period_writer.PeriodWriter.copy = noisy\n"
        "SqliteEventStore(Path(sys.argv[1]))\n"
    )
    for copies in (1, 2, 40, 7, 90):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert list(islice(process.stdout, copies)) == ["copy\n"] * copies
            process.kill()

    store = SqliteEventStore(path)
    assert _copied(store) == expected
    store.close()
