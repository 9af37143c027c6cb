"""The state's database: one engine, brought to the newest tables, that reads or writes."""

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

# synchronous=FULL: a session closed or a token revoked stays so after a power cut.
_SETTINGS: Final = """
PRAGMA busy_timeout=5000;
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
PRAGMA foreign_keys=ON;
"""


class Database:
    """Transactions on the state's tables.

    Every fault of the database, but a broken constraint, is raised as ``StoreError``.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Hold a connection that sees one state of the tables throughout."""
        with _faults(), self._engine.connect() as connection:
            yield connection.execution_options(**{_READ_ONLY: True})

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Hold a connection whose changes are committed together, or on an error not at all."""
        with _faults(), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


def open_database(url: str) -> Database:
    """Return the database of a URL, with the newest tables.

    Raises:
        ConfigurationError: The URL names no database that is spoken here, or can't be written.
        StoreError: The file is no database, or was made by a newer release.
    """
    path = database_path(url, setting="--state-url")
    make_private_file(path, setting="--state-url")
    engine = create_engine(URL.create("sqlite", database=str(path)))
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    database = Database(engine)
    try:
        with database.write() as connection:
            _upgrade(connection)
    except BaseException as error:
        database.close()
        if isinstance(error, StoreError):
            raise StoreError(f"{path}: {error}") from error
        raise
    return database


def _set_up(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's own transactions begin late and not at all for CREATE: ours begin in _begin.
    connection.isolation_level = None
    connection.executescript(_SETTINGS)


def _begin(connection: Connection) -> None:
    # A write that begins as a read can fail at once where another write came between the two.
    reads = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "sqreen_mw.collector.state:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            f"the state's tables are of a newer release ({error}): upgrade the collector"
        ) from error


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        raise StoreError(f"the state can't be read or written: {_cause(error)}") from error


def _cause(error: SQLAlchemyError) -> object:
    return getattr(error, "orig", None) or type(error).__name__
