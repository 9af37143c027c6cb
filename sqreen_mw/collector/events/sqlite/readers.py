"""A pool of read connections. Each read has a deadline."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.events.sqlite.json_fields import json_matches, text_matches
from sqreen_mw.collector.events.sqlite.schema import connect
from sqreen_mw.errors import StoreError

_CACHE_KIB: Final = 16_384
_MAX_IDLE: Final = 8
STEPS_BETWEEN_CHECKS: Final = 20_000
"""Instructions of SQLite's virtual machine between two checks of the deadline.

A check takes the GIL, which slows down all other threads: one comes every few milliseconds.
"""


class Readers:
    """A pool of read connections.

    Connections do not belong to threads, because short-lived threads would leave them open.
    """

    def __init__(self, path: Path, *, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    @contextmanager
    def read(self, deadline: Deadline | None = None) -> Iterator[sqlite3.Connection]:
        """Lend a connection. All its statements together must end within the deadline.

        Raises:
            StoreError: The deadline passed, or the store is closed or failed.
        """
        limit = deadline or Deadline(self._seconds).start()
        connection = self._take()
        connection.set_progress_handler(lambda: limit.is_over, STEPS_BETWEEN_CHECKS)
        try:
            yield connection
        except sqlite3.Error as error:
            raise StoreError(_explain(error, limit)) from error
        finally:
            self._return(connection)

    def close(self) -> None:
        """Close idle connections now, and busy ones when they are returned."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StoreError("the event store is closed")
            if self._idle:
                return self._idle.pop()
        connection = connect(self._path, cache_kib=_CACHE_KIB)
        connection.execute("PRAGMA query_only = ON")
        add_functions(connection)
        return connection

    def _return(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < _MAX_IDLE:
                self._idle.append(connection)
                return
        connection.close()


def add_functions(connection: sqlite3.Connection) -> None:
    """Register the Python functions that compiled filters call."""
    for function in (json_matches, text_matches):
        connection.create_function(function.__name__, 2, function, deterministic=True)


def is_interrupt(error: sqlite3.Error) -> bool:
    """Return True if a statement ended because of its deadline."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT


def _explain(error: sqlite3.Error, deadline: Deadline) -> str:
    if not is_interrupt(error):
        return f"the event store cannot be read: {error}"
    if deadline.is_cancelled:
        return "the client closed the connection"
    return f"no answer within {deadline.seconds:g} s: narrow the time range or the filters"
