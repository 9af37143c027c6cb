"""The tables of the event store's databases, and connections to them."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqreen_mw.errors import StoreError

SCHEMA_VERSION: Final = 2
"""Incremented with every change of the tables."""

# words: apps, environments, releases and event names are few and long, so events store their
# numbers. Every index is then small enough to include app, environment and flags, and a histogram
# never reads the events.
# events.ip: 16 bytes (IPv4 as IPv4-mapped IPv6), so a network is a range of an index. The text is
# in the event's JSON.
# names: the event names of each app, for suggestions.
# event_users.value: the canonical value of an identifier, below any key.
PERIOD_TABLES: Final = (
    "CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT",
    """CREATE TABLE names (
         app INTEGER NOT NULL,
         name INTEGER NOT NULL,
         PRIMARY KEY (app, name)
       ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE events (
         seq INTEGER PRIMARY KEY,
         event_id BLOB NOT NULL,
         app INTEGER NOT NULL,
         env INTEGER NOT NULL,
         release INTEGER,
         name INTEGER NOT NULL,
         timestamp INTEGER NOT NULL,
         received_at INTEGER NOT NULL,
         sent_at INTEGER,
         flags INTEGER NOT NULL,
         ip BLOB,
         json TEXT NOT NULL
       ) STRICT""",
    # The id comes first: ids grow with time, so new entries are appended to the index.
    "CREATE UNIQUE INDEX events_by_id ON events (event_id, app)",
    "CREATE INDEX events_by_time ON events (timestamp, app, env, flags)",
    "CREATE INDEX events_by_name ON events (name, timestamp, app, env, flags)",
    """CREATE INDEX events_by_ip ON events (ip, timestamp, name, app, env, flags)
       WHERE ip IS NOT NULL""",
    """CREATE TABLE event_users (
         value TEXT NOT NULL,
         timestamp INTEGER NOT NULL,
         seq INTEGER NOT NULL,
         PRIMARY KEY (value, timestamp, seq)
       ) STRICT, WITHOUT ROWID""",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
"""The tables of a period."""

# elsewhere: events whose period is not that of the time in their id.
# last_seq: a floor, so a number is never reused after the newest period was deleted.
CATALOGUE_TABLES: Final = (
    "CREATE TABLE last_seq (seq INTEGER NOT NULL) STRICT",
    "INSERT INTO last_seq VALUES (0)",
    """CREATE TABLE elsewhere (
         event_id BLOB NOT NULL,
         app TEXT NOT NULL,
         timestamp INTEGER NOT NULL,
         PRIMARY KEY (event_id, app)
       ) STRICT, WITHOUT ROWID""",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
"""The tables of the catalogue."""

_SETTINGS: Final = """
PRAGMA busy_timeout = 5000;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA temp_store = MEMORY;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA mmap_size = 268435456;
"""


def connect(path: Path, *, cache_kib: int) -> sqlite3.Connection:
    """Open an existing file without automatic transactions.

    Raises:
        StoreError: The file is missing, or is not a database.
    """
    # mode=rw creates nothing: a missing file is an error.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be opened: {error}") from error
    try:
        connection.executescript(f"{_SETTINGS} PRAGMA cache_size = -{cache_kib}")
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"{path} cannot be used as an event store: {error}") from error
    return connection


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables, 0 for an empty file.

    Raises:
        StoreError: The file comes from a newer release, or contains something else.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"it has version {version}, this release supports up to {SCHEMA_VERSION}: "
            "upgrade the collector"
        )
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if version == 0 and tables:
        raise StoreError("the database contains something else: choose another file")
    return version


def prepare(connection: sqlite3.Connection, tables: Sequence[str]) -> None:
    """Create the tables in an empty file.

    Raises:
        StoreError: The file comes from a newer release, or contains something else.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        if version_of(connection) == 0:
            for statement in tables:
                connection.execute(statement)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
