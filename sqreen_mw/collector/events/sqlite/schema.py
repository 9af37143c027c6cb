"""The tables of a SQLite file of events, and opening such a file."""

import sqlite3
from pathlib import Path
from typing import Final

from sqreen_mw.errors import StoreError

SCHEMA_VERSION: Final = 1
"""Raised by one with every change of the tables."""

# words: apps, environments, releases and event names are few and long, so events hold their
# numbers. That keeps every index small enough to also carry app and environment, so that a
# histogram never reads the events themselves.
# events.ip: 16 bytes (IPv4 as IPv4-mapped IPv6), so that a network is a range of an index; the
# text is in the event's JSON.
# last_seq: a counter of its own, so that a number is never given twice, even after the newest
# events were deleted.
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
    # The id first: it grows with time, so that new entries go to the end of the index.
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
    """Open a connection whose transactions begin only where they are told to.

    Raises:
        StoreError: The file is no database, or can't be opened.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise StoreError(f"{path} can't be opened: {error}") from error
    try:
        connection.executescript(f"{_SETTINGS} PRAGMA cache_size = -{cache_kib}")
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"{path} can't be used as an event store: {error}") from error
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file; leave a file that has them as it is.

    Raises:
        StoreError: The file is of a newer release, or holds something else.
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
            f"it has version {version}, this release knows up to {SCHEMA_VERSION}: "
            "upgrade the collector"
        )
    foreign = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if version == 0 and foreign:
        raise StoreError("it is a database of something else, so name another file")
    return bool(version == 0)
