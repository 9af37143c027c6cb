"""The catalogue of an event store: the periods that exist, and facts that concern all of them."""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from sqreen_mw.collector.database_file import make_private_file
from sqreen_mw.collector.events.sqlite.periods import (
    Period,
    find_period,
    new_period,
    parse_period,
)
from sqreen_mw.collector.events.sqlite.schema import (
    CATALOGUE_TABLES,
    PERIOD_TABLES,
    connect,
    prepare,
)
from sqreen_mw.errors import StoreError

_CACHE_KIB: Final = 2048
_PER_QUERY: Final = 500


class Catalogue:
    """The database that the store's URL names, and the folder of periods beside it.

    Only the writer changes it. ``periods`` is sorted by time and replaced as a whole, so any thread
    may read it.

    Args:
        path: The database. A missing one is created.

    Attributes:
        path: The database.
        folder: The folder of the files of all periods.
        periods: The existing periods.

    Raises:
        ConfigurationError: The file cannot be created or written.
        StoreError: The file is no event store, or comes from a newer release.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        make_private_file(path, setting="--events-url")
        self._connection = connect(path, cache_kib=_CACHE_KIB)
        self.folder = path.with_name(f"{path.stem}-periods")
        try:
            prepare(self._connection, CATALOGUE_TABLES)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self.periods = self._found()
            self._latest: Period | None = None
            self._has_elsewhere = self._any_elsewhere()
        except BaseException as error:
            self.close()
            if isinstance(error, StoreError | sqlite3.Error | OSError):
                raise StoreError(f"{path} cannot be used: {error}") from error
            raise

    @property
    def last_seq(self) -> int:
        """A number that no later event may have. Newer events can have larger ones."""
        return int(self._connection.execute("SELECT seq FROM last_seq").fetchone()[0])

    def file_of(self, period: Period) -> Path:
        """Return the file of a period."""
        return self.folder / f"{period.name}.db"

    def overlapping(self, start: int, end: int) -> tuple[Period, ...]:
        """Return the periods that have a time of a range, in milliseconds, oldest first."""
        return tuple(one for one in self.periods if one.start < end and start < one.end)

    def find(self, timestamp: int) -> Period | None:
        """Return the period that holds a time, if it exists."""
        latest = self._latest
        if latest is None or not latest.start <= timestamp < latest.end:
            latest = self._latest = find_period(self.periods, timestamp)
        return latest

    def period_for(self, timestamp: int, *, now: int) -> Period:
        """Return the period that holds a time. A missing one gets a file.

        Args:
            timestamp: A time of an event, in milliseconds since the epoch.
            now: The present, in milliseconds since the epoch.
        """
        found = self.find(timestamp)
        if found is None:
            found = new_period(self.periods, timestamp, now=now)
            # Its tables come first: readers open every period that exists.
            self._make_file(self.file_of(found))
            self.periods = tuple(sorted((*self.periods, found)))
        return found

    def remove_before(self, timestamp: int, *, last_seq: int) -> tuple[Path, ...]:
        """Forget the periods that end before a time, and return their files.

        Args:
            timestamp: Milliseconds since the epoch.
            last_seq: The latest sequence number. It is never given again.
        """
        old = tuple(one for one in self.periods if one.end <= timestamp)
        if old:
            self.keep_seq(last_seq)
            self._connection.execute("DELETE FROM elsewhere WHERE timestamp < ?", (old[-1].end,))
            self.periods = tuple(one for one in self.periods if one not in old)
            self._latest = None
        return tuple(map(self.file_of, old))

    def keep_seq(self, seq: int) -> None:
        """Record the latest sequence number."""
        self._connection.execute("UPDATE last_seq SET seq = ?", (seq,))

    @property
    def has_elsewhere(self) -> bool:
        """True if the period of any event is not that of its id."""
        return self._has_elsewhere

    def elsewhere(self, app: str, ids: Iterable[bytes]) -> dict[bytes, int]:
        """Return the times of those events whose period is not that of their id."""
        if not self._has_elsewhere:
            return {}
        wanted = list(ids)
        found: dict[bytes, int] = {}
        for start in range(0, len(wanted), _PER_QUERY):
            part = wanted[start : start + _PER_QUERY]
            rows = self._connection.execute(
                "SELECT event_id, timestamp FROM elsewhere"
                f" WHERE app = ? AND event_id IN ({','.join('?' * len(part))})",
                (app, *part),
            )
            found.update(rows)
        return found

    def add_elsewhere(self, app: str, times: Mapping[bytes, int]) -> None:
        """Record the times of events whose period is not that of their id."""
        if times:
            self._has_elsewhere = True
            rows = [(event_id, app, timestamp) for event_id, timestamp in times.items()]
            with self._connection:  # commits, or rolls back after an error
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(
                    "INSERT OR IGNORE INTO elsewhere VALUES (?, ?, ?)", rows
                )

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _any_elsewhere(self) -> bool:
        return self._connection.execute("SELECT 1 FROM elsewhere LIMIT 1").fetchone() is not None

    def _make_file(self, path: Path) -> None:
        make_private_file(path, setting="--events-url")
        connection = connect(path, cache_kib=_CACHE_KIB)
        try:
            prepare(connection, PERIOD_TABLES)
        finally:
            connection.close()

    def _found(self) -> tuple[Period, ...]:
        names = (file.stem for file in self.folder.glob("*.db"))
        return tuple(sorted(period for name in names if (period := parse_period(name))))
