import sqlite3
from pathlib import Path

import pytest

from sqreen_mw.collector.database_file import file_identity
from sqreen_mw.collector.store_health import Integrity, StoreHealth, WatchedStore
from tests.support.waiting import wait_until

NOW = 1_700_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a database of some pages with an index."""
    path = tmp_path / "some file?.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE words (text TEXT UNIQUE)")
        words = [(f"{number:0100}",) for number in range(5000)]
        connection.executemany("INSERT INTO words VALUES (?)", words)
    connection.close()
    return path


def integrity(path: Path, *, give_up: bool = False) -> Integrity:
    """Return the result of a check."""
    store = WatchedStore("events", lambda: {path: file_identity(path)}, lambda: None)
    assert store.report().integrity == Integrity(result="unknown", detail="not checked yet")
    store.check_integrity(give_up=lambda _: give_up, now=NOW)
    return store.report().integrity


def test_undamaged_file_is_ok(path: Path) -> None:
    """The result has the time of the check."""
    assert integrity(path) == Integrity(result="ok", checked_at=NOW)


@pytest.mark.parametrize("start", [0, 8192, 300_000])
def test_damaged_file_is_reported(path: Path, start: int) -> None:
    """The header, a table or an index may be damaged."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * 20_000)

    found = integrity(path)

    assert (found.result, found.checked_at) == ("damaged", NOW)
    assert found.detail


def test_long_check_is_given_up(path: Path) -> None:
    """The result is unknown, and names the command that checks without a limit."""
    found = integrity(path, give_up=True)

    assert found.result == "unknown"
    assert "PRAGMA quick_check" in str(found.detail)


def test_damage_counts_more_than_a_check_that_was_given_up(path: Path, tmp_path: Path) -> None:
    """Each file of a store is checked, whatever the result of the one before."""
    missing, other = tmp_path / "missing.db", tmp_path / "other.db"
    other.write_bytes(b"no database" * 1000)
    store = WatchedStore("events", lambda: dict.fromkeys((path, missing, other)), lambda: None)

    store.check_integrity(give_up=lambda _: False, now=NOW)

    assert store.report().integrity.result == "damaged"


def test_missing_file_is_unknown(tmp_path: Path) -> None:
    """A check never creates a file."""
    path = tmp_path / "missing.db"

    assert integrity(path).result == "unknown"
    assert not path.exists()


def test_stores_are_checked_on_a_thread(path: Path) -> None:
    """The first check comes soon after the start, and close() ends the thread."""
    health = StoreHealth(
        [WatchedStore("events", lambda: {path: file_identity(path)}, lambda: None)],
        first_check=0,
        clock=lambda: NOW,
    )

    def checked() -> bool:
        health._latest = None  # noqa: SLF001 - a report is used again for a second
        return health.reports()[0].integrity.checked_at == NOW

    wait_until(checked)
    health.close()
