"""Connections for reading: one for each read under way, each read with a deadline."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqreen_mw.collector.events.sqlite.free_text import mentions
from sqreen_mw.collector.events.sqlite.schema import connect
from sqreen_mw.errors import StoreError

_CACHE_KIB: Final = 16_384
_MAX_IDLE: Final = 8
_STEPS_BETWEEN_CHECKS: Final = 2_000
"""Instructions of SQLite's machine; one of them may be a call of ``mentions``."""


class Readers:
    """Lends connections out; what is given back is lent again.

    Not one a thread: the threads of a pool come and go, and would leave theirs open.
    """

    def __init__(self, path: Path, *, deadline: float) -> None:
        self._path = path
        self._deadline = deadline
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Hold a connection whose statements together end within the deadline.

        Raises:
            StoreError: They did not, or the store is closed or failed.
        """
        connection = self._take()
        end = time.monotonic() + self._deadline
        connection.set_progress_handler(
            lambda: time.monotonic() > end,
            _STEPS_BETWEEN_CHECKS,
        )
        try:
            yield connection
        except sqlite3.Error as error:
            raise StoreError(self._explain(error)) from error
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close the idle connections now and the others as they come back."""
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
        connection.create_function("mentions", 2, mentions, deterministic=True)
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < _MAX_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _explain(self, error: sqlite3.Error) -> str:
        if _code(error) == sqlite3.SQLITE_INTERRUPT:
            return f"no answer within {self._deadline:g} s: narrow the time range or the filters"
        return f"the event store can't be read: {error}"


def _code(error: sqlite3.Error) -> Any:
    return getattr(error, "sqlite_errorcode", None)
