"""The shop's database: one SQLite connection shared by all threads."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Annotated, Final

from fastapi import Depends, Request

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS customers (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL REFERENCES customers (id),
    cents INTEGER NOT NULL,
    items INTEGER NOT NULL,
    coupon TEXT,
    placed_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
"""


class Database:
    """Customers and orders in a file. With an empty path, the file is temporary."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._turn = threading.Lock()

    @cached_property
    def _connection(self) -> sqlite3.Connection:
        # Opened at the first use, because a server may fork before.
        connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.executescript(_SCHEMA)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Return the connection. The transaction is rolled back if the block raises."""
        with self._turn, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


ShopDatabase = Annotated[Database, Depends(_database)]
"""The database, as a parameter of a view."""
