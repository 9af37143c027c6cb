"""The tables of the event database, and connections to it."""

import sqlite3
from pathlib import Path
from typing import Final

from sqreen_mw.errors import StoreError

SCHEMA_VERSION: Final = 1
"""Incremented with every change of the tables."""

# words: apps, environments, releases and event names are few and long, so events store their
# numbers. Every index is then small enough to include app and environment, and a histogram never
# reads the events.
# events.ip: 16 bytes (IPv4 as IPv4-mapped IPv6), so a network is a range of an index. The text is
# in the event's JSON.
# last_seq: a separate counter, so a number is never reused after the newest events were deleted.
_TABLES: Final = (
    "CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT",
    "CREATE TABLE last_seq (seq INTEGER NOT NULL) STRICT",
    "INSERT INTO last_seq VALUES (0)",
    """CREATE TABLE events (
         seq INTEGER PRIMARY KEY,
         event_id BLOB NOT NULL,
         app INTEGER NOT NULL,
         env INTEGER NOT NULL,
         release INTEGER,
         name INTEGER NOT NULL,
         timestamp INTEGER NOT NULL,
         received_at INTEGER NOT NULL,
         ip BLOB,
         json TEXT NOT NULL
       ) STRICT""",
    # The id comes first: ids grow with time, so new entries are appended to the index.
    "CREATE UNIQUE INDEX events_by_id ON events (event_id, app)",
    "CREATE INDEX events_by_time ON events (timestamp, app, env)",
    "CREATE INDEX events_by_name ON events (name, timestamp, app, env)",
    "CREATE INDEX events_by_ip ON events (ip, timestamp, app, env) WHERE ip IS NOT NULL",
    """CREATE TABLE event_users (
         value TEXT NOT NULL,
         timestamp INTEGER NOT NULL,
         seq INTEGER NOT NULL,
         PRIMARY KEY (value, timestamp, seq)
       ) STRICT, WITHOUT ROWID""",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

_SETTINGS: Final = """
PRAGMA busy_timeout = 5000;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA temp_store = MEMORY;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA mmap_size = 268435456;
"""


def connect(path: Path, *, cache_kib: int) -> sqlite3.Connection:
    """Open a connection without automatic transactions.

    Raises:
        StoreError: The file is not a database, or cannot be opened.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be opened: {error}") from error
    try:
        connection.executescript(f"{_SETTINGS} PRAGMA cache_size = -{cache_kib}")
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"{path} cannot be used as an event store: {error}") from error
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Create the tables in an empty file.

    Raises:
        StoreError: The file comes from a newer release, or contains something else.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _needs_tables(connection):
            for statement in _TABLES:
                connection.execute(statement)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _needs_tables(connection: sqlite3.Connection) -> bool:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"it has version {version}, this release supports up to {SCHEMA_VERSION}: "
            "upgrade the collector"
        )
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if version == 0 and tables:
        raise StoreError("the database contains something else: choose another file")
    return bool(version == 0)
