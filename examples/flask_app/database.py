"""The bank's database: one SQLite connection shared by all threads."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Final

from flask import current_app

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS customers (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS accounts (
    number TEXT PRIMARY KEY,
    customer INTEGER NOT NULL REFERENCES customers (id),
    name TEXT NOT NULL,
    cents INTEGER NOT NULL CHECK (cents >= 0)
);
CREATE TABLE IF NOT EXISTS beneficiaries (
    customer INTEGER NOT NULL REFERENCES customers (id),
    account TEXT NOT NULL REFERENCES accounts (number),
    label TEXT NOT NULL,
    PRIMARY KEY (customer, account)
);
CREATE TABLE IF NOT EXISTS transfers (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL REFERENCES accounts (number),
    target TEXT NOT NULL REFERENCES accounts (number),
    cents INTEGER NOT NULL CHECK (cents > 0),
    made_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
"""


class Database:
    """Customers, accounts and transfers in a file. With an empty path, the file is temporary."""

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


def database() -> Database:
    """Return the database of the current application."""
    found: Database = current_app.extensions["bank_database"]
    return found
