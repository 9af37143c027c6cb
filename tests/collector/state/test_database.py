import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from sqreen_mw.collector.state import State, open_state
from sqreen_mw.collector.state.tables import metadata
from sqreen_mw.errors import ConfigurationError, StoreError
from tests.support.waiting import PATIENCE


def test_the_migrations_make_the_tables(state: State, tmp_path: Path) -> None:
    """The tables that the migrations make are those that the code names."""
    assert state.apps.all() == ()
    engine = create_engine(f"sqlite:///{tmp_path / 'state.db'}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert differences == []


def test_what_was_written_is_there_at_the_next_start(url: str) -> None:
    """A state that is closed and opened again has forgotten nothing."""
    first = open_state(url)
    first.apps.ensure("shop")
    first.close()

    second = open_state(url)

    assert [app.name for app in second.apps.all()] == ["shop"]
    second.close()


def test_only_the_owner_can_read_the_file(state: State, tmp_path: Path) -> None:
    """The database is made for its owner only."""
    assert state.apps.count() == 0
    assert (tmp_path / "state.db").stat().st_mode & 0o777 == 0o600


def test_a_state_of_a_newer_release_is_refused(state: State, url: str, tmp_path: Path) -> None:
    """A database with a later step of migration is left alone."""
    state.close()
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(StoreError, match=r"state\.db.*upgrade the collector"):
        open_state(url)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """A file of anything else is named in the message."""
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n" * 100)

    with pytest.raises(StoreError, match=r"notes\.txt.*not a database"):
        open_state(f"sqlite:///{path}")


def test_other_databases_are_refused() -> None:
    """A URL of a database that is not spoken here says what is."""
    with pytest.raises(ConfigurationError, match="use sqlite:///"):
        open_state("mysql://localhost/x")


def test_a_failed_change_is_undone(state: State) -> None:
    """Nothing of a change that fails in its middle is there."""

    def change() -> None:
        with state.database.write() as connection:
            connection.execute(text("INSERT INTO apps (name, created_at) VALUES ('x', 0)"))
            connection.execute(text("INSERT INTO nowhere VALUES (1)"))

    with pytest.raises(StoreError):
        change()

    assert state.apps.all() == ()


def test_many_threads_at_once(state: State) -> None:
    """Threads that make the same app get the same app, and none of them fails."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(state.apps.ensure, ["shop", "bank"] * 20))

    assert len(set(made)) == 2


@pytest.mark.slow
def test_two_processes_make_one_database(url: str) -> None:
    """Collectors that start at the same time on no database both start."""
    code = f"from sqreen_mw.collector.state import open_state; open_state({url!r}).close()"
    command = [sys.executable, "-c", code]
    starting = [subprocess.Popen(command) for _ in range(3)]

    assert [process.wait(PATIENCE) for process in starting] == [0, 0, 0]
