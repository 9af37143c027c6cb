"""Check the files of the stores: writable, free space, still in place, not damaged."""

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from sqreen_mw.collector.clock import Clock, system_clock
from sqreen_mw.collector.database_file import WAL, WatchedFiles, file_identity
from sqreen_mw.errors import StoreError

MIN_FREE_BYTES: Final = 100 * 1024 * 1024
"""Less free space means that a store will soon be full."""

REPORT_SECONDS: Final = 1.0
"""Seconds for which a report is used again. Anyone may ask for it, and it writes."""

FIRST_CHECK_SECONDS: Final = 10.0
CHECK_SECONDS: Final = 24 * 60 * 60.0
"""Seconds until the first check of the integrity, and between two checks."""

MAX_CHECK_SECONDS: Final = 10.0
"""A longer check of a file is given up: it reads it all, and keeps the journal from shrinking."""

_STEPS_BETWEEN_LOOKS: Final = 10_000
_WORST_FIRST: Final = ("damaged", "unknown", "ok")


Place: TypeAlias = Literal["in place", "deleted", "replaced"]


class Integrity(Struct, frozen=True, kw_only=True):
    """The result of the last check of a file. ``checked_at`` is milliseconds since the epoch."""

    result: Literal["ok", "damaged", "unknown"]
    detail: str | None = None
    checked_at: int | None = None


class StoreReport(Struct, frozen=True, kw_only=True):
    """The state of one store.

    ``file`` is ``deleted`` or ``replaced`` if the path of the database or of its write-ahead log no
    longer leads to the open file. New events are then lost at the next start.
    """

    name: str
    writable: bool
    detail: str | None
    free_bytes: int
    file: Place
    integrity: Integrity

    @property
    def is_ready(self) -> bool:
        """True if events are safe in this store."""
        in_place = self.file == "in place" and self.integrity.result != "damaged"
        return self.writable and in_place and self.free_bytes >= MIN_FREE_BYTES


class WatchedStore:
    """The files of an open store.

    Args:
        name: The store's name in reports.
        files: Returns its databases, the main one first, and the write-ahead logs of the open ones:
            events are in these until a checkpoint.
        check_writable: Raises ``StoreError`` if the store cannot be written.
    """

    def __init__(
        self,
        name: str,
        files: Callable[[], WatchedFiles],
        check_writable: Callable[[], object],
    ) -> None:
        self._name = name
        self._files = files
        self._check_writable = check_writable
        self._integrity = Integrity(result="unknown", detail="not checked yet")

    def report(self) -> StoreReport:
        """Return the state of the store now."""
        detail = None
        try:
            self._check_writable()
        except StoreError as error:
            detail = str(error)
        return StoreReport(
            name=self._name,
            writable=detail is None,
            detail=detail,
            free_bytes=_free_bytes(next(iter(self._files())).parent),
            file=self._place(),
            integrity=self._integrity,
        )

    def check_integrity(self, *, give_up: Callable[[float], bool], now: int) -> None:
        """Check all databases.

        Args:
            give_up: Returns True to end the check of one that began a number of seconds ago.
            now: The time of the check.
        """
        databases = [file for file in self._files() if not file.name.endswith(WAL)]
        results = [_checked(file, give_up, now) for file in databases]
        results.sort(key=lambda one: _WORST_FIRST.index(one.result))
        self._integrity = results[0]

    def _place(self) -> Place:
        for file, opened in self._files().items():
            found = file_identity(file)
            # The store may have closed the file just now.
            if found != opened and opened == self._files().get(file):
                return "deleted" if found is None else "replaced"
        return "in place"


class StoreHealth:
    """Reports the state of stores, and checks their integrity once a day on a thread.

    Args:
        stores: The stores.
        first_check: Seconds until the first check.
        clock: Returns the time of a check.
    """

    def __init__(
        self,
        stores: Sequence[WatchedStore],
        *,
        first_check: float = FIRST_CHECK_SECONDS,
        clock: Clock = system_clock,
    ) -> None:
        self._stores = stores
        self._clock = clock
        self._lock = threading.Lock()
        self._latest: tuple[float, tuple[StoreReport, ...]] | None = None
        self._closed = threading.Event()
        self._checker = threading.Thread(
            target=self._check_daily, args=(first_check,), name="sqreen-integrity", daemon=True
        )
        self._checker.start()

    def reports(self) -> tuple[StoreReport, ...]:
        """Return the state of each store, at most a second old."""
        with self._lock:
            if self._latest is None or time.monotonic() - self._latest[0] > REPORT_SECONDS:
                reports = tuple(store.report() for store in self._stores)
                self._latest = (time.monotonic(), reports)
            return self._latest[1]

    def close(self) -> None:
        """End the checks."""
        self._closed.set()
        self._checker.join()

    def _check_daily(self, wait: float) -> None:
        while not self._closed.wait(wait):
            for store in self._stores:
                store.check_integrity(give_up=self._gives_up, now=self._clock())
            wait = CHECK_SECONDS

    def _gives_up(self, seconds: float) -> bool:
        return self._closed.is_set() or seconds > MAX_CHECK_SECONDS


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _checked(path: Path, give_up: Callable[[float], bool], now: int) -> Integrity:
    begin = time.monotonic()
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        return Integrity(result="unknown", detail=str(error), checked_at=now)
    connection.set_progress_handler(lambda: give_up(time.monotonic() - begin), _STEPS_BETWEEN_LOOKS)
    try:
        [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        return _failed(path, error, now)
    finally:
        connection.close()
    if found == "ok":
        return Integrity(result="ok", checked_at=now)
    return Integrity(result="damaged", detail=found, checked_at=now)


def _failed(path: Path, error: sqlite3.DatabaseError, now: int) -> Integrity:
    code = getattr(error, "sqlite_errorcode", None)
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return Integrity(result="damaged", detail=str(error), checked_at=now)
    detail = str(error)
    if code == sqlite3.SQLITE_INTERRUPT:
        detail = (
            f"the check did not end within {MAX_CHECK_SECONDS:g} s: stop the collector and run "
            f"sqlite3 {path} 'PRAGMA quick_check'"
        )
    return Integrity(result="unknown", detail=detail, checked_at=now)
