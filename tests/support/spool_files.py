"""Looks into the files of a spool from outside."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any


def database_of(folder: Path) -> Path:
    """Return the only database of a spool."""
    [database] = folder.glob("spool-*.db")
    return database


def stored_batches(folder: Path) -> int:
    """Return the number of batches in a spool, for all apps."""
    return sum(map(_count, folder.glob("spool-*.db")))


def execute(database: Path, sql: str, *values: Any) -> Any:
    """Run a statement on a database, as another program would; return the first value."""
    with closing(sqlite3.connect(database, timeout=10.0)) as connection, connection:
        row = connection.execute(sql, values).fetchone()
        return row and row[0]


def _count(database: Path) -> int:
    is_ready = execute(database, "SELECT count(*) FROM sqlite_master WHERE name = 'batch'")
    return int(execute(database, "SELECT count(*) FROM batch")) if is_ready else 0


def size_of(folder: Path) -> int:
    """Return the bytes of a spool while no process writes to it."""
    with ExitStack() as stack:
        for database in folder.glob("spool-*.db"):
            stack.enter_context(locked(database))
        return sum(path.stat().st_size for path in folder.glob("*"))


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Let no other process write to a database during the block."""
    with closing(sqlite3.connect(database, timeout=10.0)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
