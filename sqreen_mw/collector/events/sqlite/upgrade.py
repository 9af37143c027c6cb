"""Copy the events of an older release, which kept all of them in one file, into periods."""

import logging
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqreen_mw.collector.events.base import StoredEvent
from sqreen_mw.collector.events.outcome import outcome_of
from sqreen_mw.collector.events.sqlite.writer import Writer
from sqreen_mw.errors import MalformedBatchError, StoreError
from sqreen_mw.protocol.batch import decode_event

OLD_VERSION: Final = 1
"""The version of the tables that have all events in one file."""

PROGRESS_SECONDS: Final = 5.0
"""Seconds between two log lines."""

_CHUNK: Final = 5000
_GROWTH: Final = 1.25  # 10 million events grow by a fifth at most
_JOURNALS: Final = ("-wal", "-shm", "-journal")
_EVENTS: Final = """
SELECT e.seq, app.text, env.text, release.text, e.received_at, e.json
FROM events AS e
JOIN words AS app ON app.id = e.app
JOIN words AS env ON env.id = e.env
LEFT JOIN words AS release ON release.id = e.release
WHERE e.seq > ? ORDER BY e.seq LIMIT ?
"""
_logger: Final = logging.getLogger("sqreen_mw.collector.upgrade")


def set_old_file_aside(path: Path, *, seconds: float) -> Path | None:
    """Rename a file of the older release. Return its new path, or None if there is none.

    A file that was renamed before, by an upgrade that did not end, is returned again.

    Args:
        path: The store's main file.
        seconds: Seconds to wait until a collector of the older release closes it.

    Raises:
        StoreError: The disk has no room for the copy, or an older collector uses the file.
    """
    old = path.with_name(f"{path.stem}-before-upgrade.db")
    if old.exists():
        return old
    if not path.exists() or _version(path) != OLD_VERSION:
        return None
    needed, free = int(path.stat().st_size * _GROWTH), shutil.disk_usage(path.parent).free
    if free < needed:
        raise StoreError(
            f"the upgrade of {path} needs {needed:,} bytes, the disk has {free:,}: free some space"
        )
    _end_log(path, seconds=seconds)
    return path.rename(old)


def copy_old_events(
    old: Path,
    writer: Writer,
    *,
    after: int,
    now: int,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Copy the events that are not copied yet, with their numbers, and delete the old file.

    It may be ended at any time, and goes on at the next start.

    Args:
        old: The file of the older release.
        writer: The writer of the new store.
        after: The number of the last event that is surely copied.
        now: The present, in milliseconds since the epoch.
        clock: Returns monotonic seconds.

    Raises:
        StoreError: The file cannot be read, or the events cannot be written.
    """
    connection = sqlite3.connect(f"{old.absolute().as_uri()}?mode=ro", uri=True)
    try:
        [last] = connection.execute("SELECT seq FROM last_seq").fetchone()
        progress = _Progress(first=after, last=last, clock=clock)
        for events in _chunks(connection, after=after):
            writer.copy(events, now=now)
            progress.report(writer.seq)
    except (sqlite3.Error, MalformedBatchError) as error:
        raise StoreError(f"{old} cannot be upgraded: {error}") from error
    finally:
        connection.close()
    writer.skip_to(last)
    writer.sync()
    for end in ("", *_JOURNALS):
        old.with_name(old.name + end).unlink(missing_ok=True)
    _logger.info("the upgrade of the event store is complete")


class _Progress:
    """Logs the progress from time to time."""

    def __init__(self, *, first: int, last: int, clock: Callable[[], float]) -> None:
        self._first, self._last, self._clock = first, last, clock
        self._start = self._latest = clock()
        _logger.info("upgrading the event store: %s events to copy", f"{last - first:,}")

    def report(self, seq: int) -> None:
        now = self._clock()
        if now - self._latest < PROGRESS_SECONDS:
            return
        self._latest = now
        rate = (seq - self._first) / (now - self._start)
        _logger.info(
            "upgrading the event store: %s of %s events, %s/s, %s left",
            f"{seq:,}",
            f"{self._last:,}",
            f"{rate:,.0f}",
            timedelta(seconds=round((self._last - seq) / rate)),
        )


def _end_log(path: Path, *, seconds: float) -> None:
    """Move all changes into the database, so that it is one file."""
    # A collector of the older release knows no lock, but keeps the database open.
    connection = sqlite3.connect(path, timeout=seconds, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"{path} cannot be upgraded: {error}; stop the collector of the older release"
        ) from error
    finally:
        connection.close()


def _version(path: Path) -> int:
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error:
        return 0  # It is no database: opening it names the reason.


def _chunks(connection: sqlite3.Connection, *, after: int) -> Iterator[list[StoredEvent]]:
    while True:
        events = [_old_event(row) for row in connection.execute(_EVENTS, (after, _CHUNK))]
        if not events:
            return
        yield events
        after = events[-1].seq


def _old_event(row: tuple[int, str, str, str | None, int, str]) -> StoredEvent:
    seq, app, env, release, received_at, json = row
    try:
        event = decode_event(json.encode())
    except MalformedBatchError as error:
        raise MalformedBatchError(f"event {seq}: {error}") from error
    return StoredEvent(
        seq=seq,
        app=app,
        env=env,
        release=release,
        received_at=received_at,
        sent_at=None,
        imported=False,
        outcome=outcome_of(event),
        event=event,
    )
