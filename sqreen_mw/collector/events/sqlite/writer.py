"""The connection that writes. Each batch is a transaction."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from sqreen_mw.collector.events.base import AcceptedBatch, Appended
from sqreen_mw.collector.events.packed_ip import packed_ip
from sqreen_mw.collector.events.sqlite.schema import connect, prepare
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.batch import encode_event
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.event_id import event_id_bytes

_CACHE_KIB: Final = 65_536
_MAX_WORDS_KEPT: Final = 10_000

_EVENT: Final = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_USER: Final = "INSERT INTO event_users VALUES (?, ?, ?)"

_Result = TypeVar("_Result")
_Rows: TypeAlias = list[tuple[object, ...]]


class Writer:
    """Writes batches one after another, from any thread.

    Raises:
        StoreError: The file is not an event store, or comes from a newer release.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._words: dict[str, int] = {}
        self._connection = connect(path, cache_kib=_CACHE_KIB)
        try:
            prepare(self._connection)
        except BaseException as error:
            self._connection.close()
            if isinstance(error, StoreError | sqlite3.Error):
                raise StoreError(f"{path} cannot be used: {error}") from error
            raise

    def append(self, batch: AcceptedBatch) -> Appended:
        """Write the new events of a batch and commit.

        Raises:
            StoreError: The batch cannot be written. Nothing of it is stored.
        """
        events: dict[bytes, Event] = {}
        for event in batch.events:
            events.setdefault(event_id_bytes(event.id), event)
        accepted, seq = self._transaction(lambda: self._write(batch, events))
        return Appended(accepted=accepted, duplicates=len(batch.events) - accepted, seq=seq)

    def check_writable(self) -> None:
        """Test a write without a change.

        Raises:
            StoreError: The store cannot be written.
        """
        self._transaction(lambda: self._connection.execute("UPDATE last_seq SET seq = seq"))

    def close(self) -> None:
        """Close the connection after the current write."""
        with self._lock:
            self._connection.close()

    def _transaction(self, work: Callable[[], _Result]) -> _Result:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                result = work()
                self._connection.execute("COMMIT")
            except BaseException as error:
                self._roll_back()
                if isinstance(error, sqlite3.Error):
                    raise StoreError(f"the event store cannot be written: {error}") from error
                raise
            return result

    def _roll_back(self) -> None:
        self._words.clear()  # Some may be new in this transaction.
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _write(self, batch: AcceptedBatch, events: dict[bytes, Event]) -> tuple[int, int]:
        execute, executemany = self._connection.execute, self._connection.executemany
        app = self._word(batch.app)
        for known in self._known(app, events):
            del events[known]
        first = execute("SELECT seq FROM last_seq").fetchone()[0] + 1
        rows, users = self._rows(batch, app, enumerate(events.items(), first))
        executemany(_EVENT, rows)
        executemany(_USER, users)
        last = first + len(rows) - 1
        execute("UPDATE last_seq SET seq = ?", (last,))
        return len(rows), last

    def _known(self, app: int, events: dict[bytes, Event]) -> list[bytes]:
        marks = ",".join("?" * len(events))
        query = f"SELECT event_id FROM events WHERE event_id IN ({marks}) AND app = ?"
        return [row[0] for row in self._connection.execute(query, (*events, app))]

    def _rows(
        self, batch: AcceptedBatch, app: int, events: Iterable[tuple[int, tuple[bytes, Event]]]
    ) -> tuple[_Rows, _Rows]:
        env = self._word(batch.env)
        release = None if batch.release is None else self._word(batch.release)
        rows: _Rows = []
        users: _Rows = []
        for seq, (event_id, event) in events:
            name, at, json = self._word(event.name), event.timestamp, encode_event(event).decode()
            rows.append(
                (seq, event_id, app, env, release, name, at, batch.received_at, _ip(event), json)
            )
            users.extend(
                (value, at, seq) for value in set(map(str, event.user_identifiers.values()))
            )
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


def _ip(event: Event) -> bytes | None:
    request = event.request
    return None if request is None or request.ip is None else packed_ip(request.ip)
