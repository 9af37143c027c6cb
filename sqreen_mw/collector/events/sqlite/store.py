"""The event store in one SQLite file: one writer, and readers that never wait for it."""

import sqlite3
from pathlib import Path
from typing import Final

from sqreen_mw.collector.events.base import (
    MAX_BARS,
    Cursor,
    EventQuery,
    Histogram,
    Page,
    StoredEvent,
)
from sqreen_mw.collector.events.sqlite.compile import select_in_range, select_stored_after
from sqreen_mw.collector.events.sqlite.counts import count_by_bar
from sqreen_mw.collector.events.sqlite.readers import Readers
from sqreen_mw.collector.events.sqlite.writer import Writer
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.batch import decode_event
from sqreen_mw.protocol.event_id import event_id_bytes

DEADLINE: Final = 5.0
"""Seconds until a read fails."""

# The subquery finds sequence numbers, from an index if possible. CROSS JOIN reads their events.
_STORED: Final = """
SELECT e.seq, app.text, env.text, release.text, e.received_at, e.json
FROM ({numbers}) AS found
CROSS JOIN events AS e ON e.seq = found.seq
JOIN words AS app ON app.id = e.app
JOIN words AS env ON env.id = e.env
LEFT JOIN words AS release ON release.id = e.release
ORDER BY {order}
"""


_BY_ID: Final = """
SELECT seq FROM events WHERE event_id = ? AND app = (SELECT id FROM words WHERE text = ?)
"""


class SqliteEventStore:
    """An ``EventStore`` in a SQLite file. A missing file is created.

    Args:
        path: The file.
        deadline: Seconds until a read fails.

    Raises:
        StoreError: The file is not an event store, or comes from a newer release.
    """

    def __init__(self, path: Path, *, deadline: float = DEADLINE) -> None:
        self._writer = Writer(path)
        self._readers = Readers(path, deadline=deadline)
        self.append = self._writer.append
        self.check_writable = self._writer.check_writable

    def page(self, query: EventQuery, *, limit: int = 50) -> Page:
        """Return the newest events of a query, or those after its cursor."""
        found = select_in_range(query)
        where, values, alias = found.where, found.values, found.alias
        if query.after is not None:
            where += f" AND ({alias}.timestamp, {alias}.seq) < (?, ?)"
            values = (*values, query.after.timestamp, query.after.seq)
        numbers = (
            f"SELECT {alias}.seq FROM {found.source} WHERE {where}"
            f" ORDER BY {alias}.timestamp DESC, {alias}.seq DESC LIMIT ?"
        )
        order = "e.timestamp DESC, e.seq DESC"
        events = self._stored(numbers, (*values, limit + 1), order=order)
        if len(events) <= limit:
            return Page(events, None)
        last = events[limit - 1]
        return Page(events[:limit], Cursor(last.event.timestamp, last.seq))

    def since(self, query: EventQuery, *, seq: int, limit: int) -> tuple[StoredEvent, ...]:
        """Return matching events stored after ``seq``, in the order of storing."""
        found = select_stored_after(query, seq)
        numbers = f"SELECT e.seq FROM {found.source} WHERE {found.where} ORDER BY e.seq LIMIT ?"
        return self._stored(numbers, (*found.values, limit))

    def histogram(self, query: EventQuery, *, interval: int) -> Histogram:
        """Count matching events per interval of milliseconds, aligned to the epoch.

        Raises:
            StoreError: The range has more than ``MAX_BARS`` intervals.
        """
        first = query.start // interval
        bars = max(0, -(-query.end // interval) - first) if query.end > query.start else 0
        if bars > MAX_BARS:
            raise StoreError(
                f"the range has {bars} intervals of {interval} ms, the maximum is {MAX_BARS}: "
                "use longer intervals or a narrower range"
            )
        counts = [0] * bars
        if bars:
            statement = count_by_bar(query, first=first * interval, interval=interval, bars=bars)
            with self._readers.read() as connection:
                for bar, count in connection.execute(*statement):
                    counts[bar] = count
        return Histogram(start=first * interval, interval=interval, counts=tuple(counts))

    def get(self, app: str, event_id: str) -> StoredEvent | None:
        """Return the event with an id, or None."""
        try:
            values = (event_id_bytes(event_id), app)
        except ValueError:
            return None
        found = self._stored(_BY_ID, values)
        return found[0] if found else None

    def last_seq(self) -> int:
        """Return the latest sequence number, 0 for an empty store."""
        with self._readers.read() as connection:
            return int(connection.execute("SELECT seq FROM last_seq").fetchone()[0])

    def close(self) -> None:
        """Close all connections. Further calls fail."""
        self._readers.close()
        self._writer.close()

    def _stored(
        self, numbers: str, values: tuple[object, ...], *, order: str = "e.seq"
    ) -> tuple[StoredEvent, ...]:
        with self._readers.read() as connection:
            rows = connection.execute(_STORED.format(numbers=numbers, order=order), values)
            return tuple(map(_stored_event, rows))


def _stored_event(row: sqlite3.Row) -> StoredEvent:
    seq, app, env, release, received_at, json = row
    return StoredEvent(
        seq=seq,
        app=app,
        env=env,
        release=release,
        received_at=received_at,
        event=decode_event(json.encode()),
    )
