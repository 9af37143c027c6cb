"""A pool of read connections to the files of the store. Each read has a deadline."""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.events.sqlite.json_fields import json_matches, text_matches
from sqreen_mw.collector.events.sqlite.schema import connect
from sqreen_mw.errors import StoreError

_CACHE_KIB: Final = 16_384
MAX_IDLE: Final = 64
"""Maximum number of idle connections, so that a read of two months opens few files."""

STEPS_BETWEEN_CHECKS: Final = 20_000
"""Instructions of SQLite's virtual machine between two checks of the deadline.

A check takes the GIL, which slows down all other threads: one comes every few milliseconds.
"""


class Reading:
    """A read of one file after another. At any time it has one connection.

    Attributes:
        deadline: The end of the read.
    """

    def __init__(self, readers: "Readers", deadline: Deadline) -> None:
        self._readers = readers
        self._lent: tuple[Path, sqlite3.Connection, int] | None = None
        self.deadline = deadline

    def open(self, path: Path) -> sqlite3.Connection:
        """Return a connection to a file. The one before goes back to the pool.

        Raises:
            sqlite3.OperationalError: The deadline has passed.
        """
        self.close()
        removals = self._readers.removals
        connection = self._readers.take(path)
        self._lent = path, connection, removals
        connection.set_progress_handler(lambda: self.deadline.is_over, STEPS_BETWEEN_CHECKS)
        return connection

    def close(self) -> None:
        """Return the connection to the pool."""
        if self._lent is not None:
            self._readers.give_back(*self._lent)
            self._lent = None


class Readers:
    """A pool of read connections.

    Connections do not belong to threads, because short-lived threads would leave them open.

    Attributes:
        removals: How often files were deleted.
    """

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._idle: OrderedDict[sqlite3.Connection, Path] = OrderedDict()
        self._closed = False
        self.removals = 0

    @contextmanager
    def read(self, deadline: Deadline | None = None) -> Iterator[Reading]:
        """Begin a read. All its statements together must end within the deadline.

        Raises:
            StoreError: The deadline passed, or the store is closed or failed.
        """
        reading = Reading(self, deadline or Deadline(self._seconds).start())
        self._check_open()
        try:
            yield reading
        except sqlite3.Error as error:
            raise StoreError(_explain(error, reading.deadline)) from error
        finally:
            reading.close()

    def close(self) -> None:
        """Close idle connections now, and busy ones when they are returned."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, OrderedDict()
        for connection in idle:
            connection.close()

    def forget(self, paths: tuple[Path, ...]) -> None:
        """Close the connections to files that were deleted: idle ones now, others when returned."""
        with self._lock:
            self.removals += 1
            old = [connection for connection, path in self._idle.items() if path in paths]
            for connection in old:
                del self._idle[connection]
        for connection in old:
            connection.close()

    def take(self, path: Path) -> sqlite3.Connection:
        """Return an idle connection to a file, or a new one."""
        with self._lock:
            self._check_open()
            for connection, idle in reversed(self._idle.items()):
                if idle == path:
                    del self._idle[connection]
                    return connection
        connection = connect(path, cache_kib=_CACHE_KIB)
        connection.execute("PRAGMA query_only = ON")
        add_functions(connection)
        return connection

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the event store is closed")

    def give_back(self, path: Path, connection: sqlite3.Connection, removals: int) -> None:
        """Keep a connection for later reads. The one that is idle for the longest time ends.

        Args:
            path: Its file.
            connection: The connection.
            removals: The number of removals before it was taken. Since then, another file may have
                come to the path.
        """
        with self._lock:
            if self._closed or removals != self.removals:
                oldest: sqlite3.Connection | None = connection
            else:
                self._idle[connection] = path
                full = len(self._idle) > MAX_IDLE
                oldest = self._idle.popitem(last=False)[0] if full else None
        if oldest is not None:
            oldest.close()


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
