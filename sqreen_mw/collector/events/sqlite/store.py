"""Events in one SQLite file: a writer, and readers that it never holds up."""

import sqlite3
from pathlib import Path
from typing import Final

from sqreen_mw.collector.events.base import (
    MAX_BARS,
    AcceptedBatch,
    Appended,
    Cursor,
    EventQuery,
    Histogram,
    Page,
    StoredEvent,
)
from sqreen_mw.collector.events.sqlite.conditions import in_range, stored_after
from sqreen_mw.collector.events.sqlite.counts import count_by_bar
from sqreen_mw.collector.events.sqlite.readers import Readers
from sqreen_mw.collector.events.sqlite.writer import Writer
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.batch import decode_event
from sqreen_mw.protocol.event_id import event_id_bytes

DEADLINE: Final = 5.0
"""Seconds that a read may take."""

# The numbers first, from an index where one covers them; CROSS JOIN then reads only those events.
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
    """The ``EventStore`` of a SQLite file, which is made where it is not there.

    Args:
        path: The file.
        deadline: Seconds that a read may take.

    Raises:
        StoreError: The file is no event store of this release.
    """

    def __init__(self, path: Path, *, deadline: float = DEADLINE) -> None:
        self._writer = Writer(path)
        self._readers = Readers(path, deadline=deadline)

    def append(self, batch: AcceptedBatch) -> Appended:
        """Write a batch in one transaction; it is durable on return."""
        return self._writer.append(batch)

    def page(self, query: EventQuery, *, after: Cursor | None = None, limit: int = 50) -> Page:
        """Return the newest events of a query, or those that come after a cursor."""
        found = in_range(query)
        where, values, alias = found.where, found.values, found.alias
        if after is not None:
            where += f" AND ({alias}.timestamp, {alias}.seq) < (?, ?)"
            values = (*values, after.timestamp, after.seq)
        numbers = (
            f"SELECT {alias}.seq FROM {found.source} WHERE {where}"  # noqa: S608 no value is in the text
            f" ORDER BY {alias}.timestamp DESC, {alias}.seq DESC LIMIT ?"
        )
        order = "e.timestamp DESC, e.seq DESC"
        events = self._stored(numbers, (*values, limit + 1), order=order)
        if len(events) <= limit:
            return Page(events, None)
        last = events[limit - 1]
        return Page(events[:limit], Cursor(last.event.timestamp, last.seq))

    def since(self, query: EventQuery, *, seq: int, limit: int) -> tuple[StoredEvent, ...]:
        """Return a query's events that were stored after ``seq``, in the order of storing."""
        found = stored_after(query, seq)
        numbers = f"SELECT e.seq FROM {found.source} WHERE {found.where} ORDER BY e.seq LIMIT ?"  # noqa: S608 no value is in the text
        return self._stored(numbers, (*found.values, limit))

    def histogram(self, query: EventQuery, *, interval: int) -> Histogram:
        """Count a query's events per interval of milliseconds, aligned to the epoch.

        Raises:
            StoreError: There would be more than ``MAX_BARS`` intervals.
        """
        first = query.start // interval
        bars = max(0, -(-query.end // interval) - first) if query.end > query.start else 0
        if bars > MAX_BARS:
            raise StoreError(
                f"the range has {bars} intervals of {interval} ms, at most {MAX_BARS} are counted: "
                "take longer intervals or a narrower range"
            )
        counts = [0] * bars
        if bars:
            statement = count_by_bar(query, first=first * interval, interval=interval, bars=bars)
            with self._readers.read() as connection:
                for bar, count in connection.execute(*statement):
                    counts[bar] = count
        return Histogram(start=first * interval, interval=interval, counts=tuple(counts))

    def get(self, app: str, event_id: str) -> StoredEvent | None:
        """Return the event of an id, or None."""
        try:
            values = (event_id_bytes(event_id), app)
        except ValueError:
            return None
        found = self._stored(_BY_ID, values)
        return found[0] if found else None

    def check_writable(self) -> None:
        """Return where a batch could be written now, else raise ``StoreError``."""
        self._writer.check()

    def last_seq(self) -> int:
        """Return the sequence number of the newest stored event, 0 for an empty store."""
        with self._readers.read() as connection:
            return int(connection.execute("SELECT seq FROM last_seq").fetchone()[0])

    def close(self) -> None:
        """Let go of files and connections; further calls fail."""
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
