"""The connection that writes to the file of one period. Each write is a transaction."""

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from sqreen_mw.collector.database_file import WAL
from sqreen_mw.collector.events.base import StoredEvent
from sqreen_mw.collector.events.packed_ip import packed_ip
from sqreen_mw.collector.events.sqlite.flags import flags_of
from sqreen_mw.collector.events.sqlite.schema import PERIOD_TABLES, connect, prepare
from sqreen_mw.protocol.batch import encode_event
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.identifier import canonical_identifiers

MAX_WAL_BYTES: Final = 64 * 1024 * 1024
"""A longer write-ahead log is emptied, as soon as the reads of its older parts end."""

_CACHE_KIB: Final = 8192
_MAX_WORDS_KEPT: Final = 10_000
_CHECKPOINT_MILLISECONDS: Final = 1000
_WAL_STEP: Final = MAX_WAL_BYTES // 4

_EVENT: Final = "INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_NAME: Final = "INSERT OR IGNORE INTO names VALUES (?, ?)"
_USER: Final = "INTO event_users VALUES (?, ?, ?)"

_Rows: TypeAlias = list[tuple[Any, ...]]


class PeriodWriter:
    """Writes to a period.

    Raises:
        StoreError: The file is missing, damaged, or comes from a newer release.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._words: dict[str, int] = {}
        self._connection = connect(path, cache_kib=_CACHE_KIB)
        self.wal = path.with_name(path.name + WAL)
        self._next_checkpoint = MAX_WAL_BYTES
        try:
            # A collector that was killed may have made an empty file.
            prepare(self._connection, PERIOD_TABLES)
        except BaseException:
            self.close()
            raise

    @property
    def last_seq(self) -> int:
        """The latest sequence number of the period, 0 without events."""
        return int(
            self._connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
        )

    def known(self, app: str, ids: Iterable[bytes]) -> set[bytes]:
        """Return the ids that events of an app have."""
        wanted = list(ids)
        rows = self._connection.execute(
            f"SELECT event_id FROM events WHERE event_id IN ({','.join('?' * len(wanted))})"
            " AND app = (SELECT id FROM words WHERE text = ?)",
            (*wanted, app),
        )
        return {event_id for (event_id,) in rows}

    def insert(self, events: Mapping[bytes, StoredEvent]) -> int:
        """Write new events, commit, and return the bytes of their JSON.

        Args:
            events: The events by their packed id.

        Raises:
            sqlite3.Error: They cannot be written. Nothing is stored.
        """
        return self._write(events, "INSERT")

    def copy(self, events: Mapping[bytes, StoredEvent]) -> None:
        """Write events and commit. Known events are left out.

        Args:
            events: The events by their packed id.

        Raises:
            sqlite3.Error: They cannot be written. Nothing is stored.
        """
        self._write(events, "INSERT OR IGNORE")

    def _write(self, events: Mapping[bytes, StoredEvent], verb: str) -> int:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            rows, users = self._rows(events)
            self._connection.executemany(f"{verb} {_EVENT}", rows)
            self._connection.executemany(_NAME, {(row[2], row[5]) for row in rows})
            self._connection.executemany(f"{verb} {_USER}", users)
            self._connection.execute("COMMIT")
        except BaseException:
            self._words.clear()  # Some may be new in this transaction.
            with contextlib.suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            raise
        # The events are committed: they keep their numbers, even if the disk is full now.
        with contextlib.suppress(sqlite3.Error, OSError):
            self._bound_wal()
        return sum(len(row[-1]) for row in rows)

    def check_writable(self) -> None:
        """Test a write without a change.

        Raises:
            sqlite3.Error: The file cannot be written.
        """
        self._connection.execute("UPDATE words SET text = text WHERE id = 1")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _rows(self, events: Mapping[bytes, StoredEvent]) -> tuple[_Rows, _Rows]:
        rows: _Rows = []
        users: _Rows = []
        word = self._word
        for key, stored in events.items():
            seq, event = stored.seq, stored.event
            at = event.timestamp
            release = None if stored.release is None else word(stored.release)
            words = (word(stored.app), word(stored.env), release, word(event.name))
            times = (at, stored.received_at, stored.sent_at)
            json = encode_event(event).decode()
            rows.append((seq, key, *words, *times, flags_of(stored), _ip(event), json))
            values = {value for _, value in canonical_identifiers(event.user_identifiers)}
            users.extend((value, at, seq) for value in values)
        return rows, users

    def _word(self, text: str) -> int:
        number = self._words.get(text)
        if number is None:
            execute = self._connection.execute
            execute("INSERT OR IGNORE INTO words (text) VALUES (?)", (text,))
            number = int(execute("SELECT id FROM words WHERE text = ?", (text,)).fetchone()[0])
            if len(self._words) >= _MAX_WORDS_KEPT:
                self._words.clear()
            self._words[text] = number
        return number

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file, and write both to the disk."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _bound_wal(self) -> None:
        # Automatic checkpoints never wait for reads, so reads one after another let the log grow.
        size = self.wal.stat().st_size
        if size < self._next_checkpoint:
            return
        self._next_checkpoint = size + _WAL_STEP
        self._connection.execute(f"PRAGMA busy_timeout = {_CHECKPOINT_MILLISECONDS}")
        try:
            busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self._connection.execute("PRAGMA busy_timeout = 5000")
        if not busy:
            self._next_checkpoint = MAX_WAL_BYTES


def _ip(event: Event) -> bytes | None:
    request = event.request
    return None if request is None or request.ip is None else packed_ip(request.ip)
