"""The SQLite database of a spool: one file for all processes of an app."""

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from sqreen_mw.agent.delivery.spool.directory import SpoolDirectory
from sqreen_mw.agent.delivery.spool.owner_locks import Owner
from sqreen_mw.agent.process import unpatched

USE_SECONDS: Final = 0.2
"""How long a transaction waits for another thread, and for the locks of other processes."""

FORK_SECONDS: Final = 2.0
"""How long a fork waits for a transaction of another thread."""

PAGE_BYTES: Final = 4096
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PRIVATE: Final = 0o600
_PRIMARY_CODE: Final = 0xFF
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

# Between its transactions, a connection with a rollback journal holds no lock and no shared memory,
# unlike one with a write-ahead log, so it survives a fork without harm. Committed data is in the
# cache of the system and outlives the process; synchronous = OFF does not wait for the disk.
_SETTINGS: Final = (
    "PRAGMA synchronous = OFF",  # first, as the next ones may write
    f"PRAGMA page_size = {PAGE_BYTES}",
    "PRAGMA auto_vacuum = INCREMENTAL",  # see BatchTable.shrink_at_commit
    "PRAGMA journal_mode = TRUNCATE",
    "PRAGMA mmap_size = 0",
    "PRAGMA cache_size = -512",
    "PRAGMA trusted_schema = OFF",
)
_SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS batch (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL,
        owner INTEGER NOT NULL,
        events INTEGER NOT NULL,
        stored_at REAL NOT NULL,
        evicted TEXT,
        checksum INTEGER NOT NULL,
        body BLOB NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS batch_owner ON batch (owner, evicted)",
)


class DamagedDatabaseError(sqlite3.DatabaseError):
    """The database is damaged and set aside; the next transaction starts a new one."""


class _ForkLock:
    """A lock that is held during each transaction and each fork, which closes all connections.

    A fork in C does neither. If another thread is in a transaction then, the lock stays locked in
    the child, whose transactions fail.
    """

    def __init__(self) -> None:
        self.open: Final[set[Database]] = set()
        # A handler of SIGTERM that runs at the end of a fork releases it, so that the spool works.
        self._lock: Final = unpatched.new_rlock()
        self._forking_thread: int | None = None
        os.register_at_fork(
            before=self._before_fork,
            after_in_parent=self._after_fork,
            after_in_child=self._after_fork,
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock."""
        if not self._lock.acquire(timeout=USE_SECONDS):
            raise BlockingIOError(errno.EWOULDBLOCK, "another thread uses it")
        try:
            yield
        finally:
            self._lock.release()

    def _before_fork(self) -> None:
        if self._lock.acquire(timeout=FORK_SECONDS):
            self._forking_thread = unpatched.get_ident()
            for database in list(self.open):
                database.disconnect()

    def _after_fork(self) -> None:
        if self._forking_thread == unpatched.get_ident():
            self._forking_thread = None
            self._lock.release()


class Database:
    """The database of an app in a spool's directory.

    Attributes:
        path: The database file.
        owner: The owner of the batches that are stored here.
    """

    def __init__(self, directory: SpoolDirectory, *, app: str) -> None:
        key = blake2b(app.encode("utf-8", "replace"), digest_size=6).hexdigest()
        self.path: Final = directory.path / f"spool-{key}.db"
        self.owner: Final = Owner(directory.path / f"spool-{key}.lock")
        self._directory: Final = directory
        self._connection: sqlite3.Connection | None = None
        self._pid = 0
        self._file: os.stat_result | None = None

    @property
    def exists(self) -> bool:
        """Whether there is a database: the first batch creates it."""
        return os.path.lexists(self.path)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction, with no other process in the database.

        Raises:
            DamagedDatabaseError: The database is damaged.
            OSError: The directory can't be used.
            sqlite3.Error: The database can't be used.
        """
        with _FORK_LOCK.held():
            try:
                self._directory.check()
                connection = self._connected()
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException as error:
                self.disconnect()  # which rolls back
                if not _is_damage(error):
                    raise
                self._set_aside()
                raise DamagedDatabaseError(str(error)) from error

    def close(self) -> None:
        """Close the connection, and let other processes claim this owner's batches.

        Raises:
            OSError: Another thread is in the way.
        """
        with _FORK_LOCK.held():
            self.disconnect()
            self.owner.end()

    def disconnect(self) -> None:
        """Close the connection, unless it is that of a parent process; the lock is held."""
        if self._connection is not None and self._pid == os.getpid():
            _FORK_LOCK.open.discard(self)
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        """Return the connection; connect if there is none, or if the file was deleted."""
        with suppress(FileExistsError):
            os.close(os.open(self.path, _CREATE, _PRIVATE))
        status = os.lstat(self.path)
        if self._file is None or not os.path.samestat(status, self._file):
            self.disconnect()
        self._file = status
        if not stat.S_ISREG(status.st_mode):
            raise DamagedDatabaseError("it is no file")
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=USE_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            for statement in (*_SETTINGS, *_SCHEMA):
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        self._pid = os.getpid()
        _FORK_LOCK.open.add(self)
        return connection

    def _set_aside(self) -> None:
        """Rename the damaged file, in place of one that was damaged before.

        Another process may have been faster: then the present file is a new one.
        """
        if self._file is None or not os.path.samestat(os.lstat(self.path), self._file):
            return
        Path(f"{self.path}-journal").unlink(missing_ok=True)
        self.path.replace(f"{self.path}.damaged")


_FORK_LOCK: Final = _ForkLock()


def stored_bytes(path: Path) -> int:
    """Return the bytes of the batches in a database file, without changing it.

    Raises:
        BlockingIOError: A process keeps it locked.
        sqlite3.Error: The file can't be read.
    """
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=USE_SECONDS)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY:
                raise BlockingIOError(errno.EWOULDBLOCK, str(error)) from error
            raise
        [size] = connection.execute("SELECT total(length(body)) FROM batch").fetchone()
        return int(size)


def _is_damage(error: BaseException) -> bool:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return isinstance(error, DamagedDatabaseError) or code & _PRIMARY_CODE in _DAMAGE
