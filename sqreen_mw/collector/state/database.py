"""The state's database: connections, transactions, migrations."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from sqreen_mw.collector.database_file import database_path, make_private_file
from sqreen_mw.errors import StoreError

_READ_ONLY: Final = "sqreen_read_only"

# synchronous=FULL: a closed session or a revoked token survives a power cut.
_SETTINGS: Final = """
PRAGMA busy_timeout=5000;
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
PRAGMA foreign_keys=ON;
"""


class Database:
    """Transactions on the state's tables.

    Database errors become ``StoreError``, except violated constraints.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read transaction."""
        with _store_errors(), self._engine.connect() as connection:
            yield connection.execution_options(**{_READ_ONLY: True})

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a write transaction. It is rolled back on an error."""
        with _store_errors(), self._engine.begin() as connection:
            yield connection

    def check_writable(self) -> None:
        """Test a write without a change.

        Raises:
            StoreError: The database cannot be written.
        """
        with self.write() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def open_database(url: str) -> Database:
    """Open the database of a URL and migrate it.

    Raises:
        ConfigurationError: The URL has an unknown scheme, or the file cannot be written.
        StoreError: The file is not a database, or comes from a newer release.
    """
    path = database_path(url, setting="--state-url")
    make_private_file(path, setting="--state-url")
    engine = create_engine(URL.create("sqlite", database=str(path)))
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    database = Database(engine)
    try:
        with database.write() as connection:
            migrate(connection)
    except BaseException as error:
        database.close()
        if isinstance(error, StoreError):
            raise StoreError(f"{path}: {error}") from error
        raise
    return database


def _set_up(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver starts transactions late, and none for CREATE, so _begin starts them.
    connection.isolation_level = None
    connection.executescript(_SETTINGS)


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later fails if another write comes in between.
    reads = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def migrate(connection: Connection, revision: str = "head") -> None:
    """Run the migrations up to a revision, by default the latest.

    Raises:
        StoreError: The database comes from a newer release.
    """
    config = Config()
    config.set_main_option("script_location", "sqreen_mw.collector.state:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise StoreError(
            f"the state database comes from a newer release ({error}): upgrade the collector"
        ) from error


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        raise StoreError(
            f"the state database cannot be read or written: {_cause(error)}"
        ) from error


def _cause(error: SQLAlchemyError) -> object:
    return getattr(error, "orig", None) or type(error).__name__
