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
from sqreen_mw.collector.state.database import migrate
from sqreen_mw.collector.state.secret import secret_hash
from sqreen_mw.collector.state.tables import metadata
from sqreen_mw.errors import ConfigurationError, StoreError
from tests.support.waiting import PATIENCE


def test_migrations_create_the_tables(state: State, tmp_path: Path) -> None:
    """The migrations create the tables that the code declares."""
    assert state.apps.all() == ()
    engine = create_engine(f"sqlite:///{tmp_path / 'state.db'}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert differences == []


def test_tokens_survive_the_migration(url: str, tmp_path: Path) -> None:
    """Tokens of an earlier release stay valid and bound to their apps."""
    with create_engine(url).begin() as connection:
        migrate(connection, "0002")
        connection.execute(text("INSERT INTO apps VALUES (7, 'shop', 1)"))
        connection.execute(
            text("INSERT INTO tokens VALUES ('ab', 7, 'till', 'ingest', :hash, 2, NULL)"),
            {"hash": secret_hash("sqm_ab_secret")},
        )

    state = open_state(url)

    token = state.tokens.verify("sqm_ab_secret")
    state.close()
    assert token is not None
    assert (token.app, token.name, token.created_at) == ("shop", "till", 2)


def test_state_survives_a_restart(url: str) -> None:
    """A closed and reopened state has the same content."""
    first = open_state(url)
    first.apps.ensure("shop")
    first.close()

    second = open_state(url)

    assert [app.name for app in second.apps.all()] == ["shop"]
    second.close()


def test_database_file_is_private(state: State, tmp_path: Path) -> None:
    """Only the owner can read the database."""
    assert state.apps.count() == 0
    assert (tmp_path / "state.db").stat().st_mode & 0o777 == 0o600


def test_newer_database_is_rejected(state: State, url: str, tmp_path: Path) -> None:
    """A database with a newer migration is not changed."""
    state.close()
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(StoreError, match=r"state\.db.*upgrade the collector"):
        open_state(url)


def test_file_that_is_no_database_is_rejected(tmp_path: Path) -> None:
    """The error names the file."""
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n" * 100)

    with pytest.raises(StoreError, match=r"notes\.txt.*not a database"):
        open_state(f"sqlite:///{path}")


def test_unknown_database_url_is_rejected() -> None:
    """The error shows a valid URL."""
    with pytest.raises(ConfigurationError, match="use sqlite:///"):
        open_state("mysql://localhost/x")


def test_failed_write_is_rolled_back(state: State) -> None:
    """A change that fails halfway leaves nothing."""

    def change() -> None:
        with state.database.write() as connection:
            connection.execute(text("INSERT INTO apps (name, created_at) VALUES ('x', 0)"))
            connection.execute(text("INSERT INTO nowhere VALUES (1)"))

    with pytest.raises(StoreError):
        change()

    assert state.apps.all() == ()


def test_threads_create_the_same_app(state: State) -> None:
    """Threads that create one app get the same app."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(state.apps.ensure, ["shop", "bank"] * 20))

    assert len(set(made)) == 2


@pytest.mark.slow
def test_two_processes_create_one_database(url: str) -> None:
    """Collectors that start at the same time both start."""
    code = f"from sqreen_mw.collector.state import open_state; open_state({url!r}).close()"
    command = [sys.executable, "-c", code]
    starting = [subprocess.Popen(command) for _ in range(3)]

    assert [process.wait(PATIENCE) for process in starting] == [0, 0, 0]
