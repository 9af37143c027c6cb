"""The event store in one SQLite file: one writer, and readers that never wait for it."""

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from sqreen_mw.collector.events.base import (
    MAX_BARS,
    SLICE,
    Count,
    Cursor,
    EventQuery,
    Histogram,
    Page,
    StoredEvent,
    StoredSlice,
    Suggested,
)
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.events.sqlite.compile import (
    select_in_range,
    select_oldest,
    select_stored,
    spans_index,
)
from sqreen_mw.collector.events.sqlite.counts import count_by_bar, needs_only_indexes
from sqreen_mw.collector.events.sqlite.readers import Readers
from sqreen_mw.collector.events.sqlite.slices import Slice, read_slices, time_slices
from sqreen_mw.collector.events.sqlite.suggestions import SUGGESTIONS
from sqreen_mw.collector.events.sqlite.writer import Writer
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.batch import decode_event
from sqreen_mw.protocol.event_id import event_id_bytes

DEADLINE: Final = 5.0
"""Seconds until a read fails."""

INDEX_SPEED: Final = 25
"""A read of indexes alone takes at most a 25th of the time of one that reads the events."""

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


_IN_RANGE: Final = """
SELECT count(*) FROM (SELECT 1 FROM events WHERE timestamp >= ? AND timestamp < ? LIMIT ?)
"""


class SqliteEventStore:
    """An ``EventStore`` in a SQLite file. A missing file is created.

    Args:
        path: The file.
        seconds: Length of a read that has no deadline of its own.

    Raises:
        StoreError: The file is not an event store, or comes from a newer release.
    """

    def __init__(self, path: Path, *, seconds: float = DEADLINE) -> None:
        self._writer = Writer(path)
        self._readers = Readers(path, seconds=seconds)
        self.append = self._writer.append
        self.check_writable = self._writer.check_writable

    def page(self, query: EventQuery, *, limit: int = 50, deadline: Deadline | None = None) -> Page:
        """Return the newest events of a query, or those after its cursor."""
        end = query.end if query.after is None else min(query.end, query.after.timestamp + 1)
        events: list[StoredEvent] = []
        with self._readers.read(deadline) as connection:

            def read(first: int, stop: int) -> bool:
                part = replace(query, start=first, end=stop)
                events.extend(_newest(connection, part, limit + 1 - len(events)))
                return len(events) > limit

            searched_from = read_slices(_slices(connection, replace(query, end=end)), read)
        if searched_from is not None:
            return Page(tuple(events), Cursor(searched_from, 0), searched_from)
        if len(events) <= limit:
            return Page(tuple(events), None)
        last = events[limit - 1]
        return Page(tuple(events[:limit]), Cursor(last.event.timestamp, last.seq))

    def since(
        self, query: EventQuery, *, seq: int, limit: int, deadline: Deadline | None = None
    ) -> StoredSlice:
        """Return matching events stored after ``seq``, in the order of storing."""
        with self._readers.read(deadline) as connection:
            last = min(seq + SLICE, _last_seq(connection))
            found = select_stored(query, after=seq, last=last)
            numbers = f"SELECT e.seq FROM {found.source} WHERE {found.where} ORDER BY e.seq LIMIT ?"
            events = _stored(connection, numbers, (*found.values, limit))
        return StoredSlice(events, events[-1].seq if len(events) == limit else max(seq, last))

    def histogram(
        self, query: EventQuery, *, interval: int, deadline: Deadline | None = None
    ) -> Histogram:
        """Count matching events per interval of milliseconds, aligned to the epoch.

        Raises:
            StoreError: The range has more than ``MAX_BARS`` intervals.
        """
        start = query.start // interval * interval
        bars = max(0, -(-(query.end - start) // interval)) if query.end > query.start else 0
        if bars > MAX_BARS:
            raise StoreError(
                f"the range has {bars} intervals of {interval} ms, the maximum is {MAX_BARS}: "
                "use longer intervals or a narrower range"
            )
        counts = [0] * bars
        with self._readers.read(deadline) as connection:

            def read(first: int, stop: int) -> bool:
                part = replace(query, start=first, end=stop)
                offset = (first - start) // interval
                # fetchall, because an interrupted statement must count nothing.
                rows = connection.execute(*count_by_bar(part, interval=interval)).fetchall()
                for bar, count in rows:
                    counts[offset + bar] += count
                return False

            counted_from = read_slices(_slices(connection, query, interval=interval), read)
        return Histogram(start, interval, tuple(counts), counted_from)

    def count(self, query: EventQuery, *, most: int, deadline: Deadline | None = None) -> Count:
        """Count matching events among the ``most`` oldest events of the range."""
        only_indexes = needs_only_indexes(query)
        searched = most * INDEX_SPEED if only_indexes else most
        with self._readers.read(deadline) as connection:
            is_more = _in_range(connection, query, searched + 1) > searched
            exact = only_indexes and not is_more
            found = select_in_range(query) if exact else select_oldest(query, most=most)
            sql = f"SELECT count(*), max(e.timestamp) FROM {found.source} WHERE {found.where}"
            number, newest = connection.execute(sql, found.values).fetchone()
            return Count(number, newest, is_more=is_more)

    def is_small(self, query: EventQuery, *, deadline: Deadline | None = None) -> bool:
        """Return True if the query's range has few events for its filter."""
        most = SLICE * INDEX_SPEED if needs_only_indexes(query) else SLICE
        with self._readers.read(deadline) as connection:
            return _in_range(connection, query, most + 1) <= most

    def get(
        self, app: str, event_id: str, *, deadline: Deadline | None = None
    ) -> StoredEvent | None:
        """Return the event with an id, or None."""
        try:
            values = (event_id_bytes(event_id), app)
        except ValueError:
            return None
        with self._readers.read(deadline) as connection:
            found = _stored(connection, _BY_ID, values)
        return found[0] if found else None

    def suggest(
        self, field: Suggested, beginning: str, *, limit: int, deadline: Deadline | None = None
    ) -> tuple[str, ...]:
        """Return values of a field that begin with a text, as it is or in lower case."""
        found: dict[str, None] = {}
        with self._readers.read(deadline) as connection:
            for text in dict.fromkeys((beginning, beginning.lower())):
                rows = connection.execute(SUGGESTIONS[field], (text, limit))
                found |= dict.fromkeys(value for (value,) in rows)
        return tuple(found)[:limit]

    def last_seq(self, *, deadline: Deadline | None = None) -> int:
        """Return the latest sequence number, 0 for an empty store."""
        with self._readers.read(deadline) as connection:
            return _last_seq(connection)

    def close(self) -> None:
        """Close all connections. Further calls fail."""
        self._readers.close()
        self._writer.close()


def _slices(
    connection: sqlite3.Connection, query: EventQuery, *, interval: int = 1
) -> Iterable[Slice]:
    if spans_index(query):
        # The index has the time second, so each slice would read the whole network or all users.
        return [(query.start, query.end)] if query.start < query.end else []
    return time_slices(connection, start=query.start, end=query.end, interval=interval)


def _newest(
    connection: sqlite3.Connection, query: EventQuery, limit: int
) -> tuple[StoredEvent, ...]:
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
    return _stored(connection, numbers, (*values, limit), order=order)


def _stored(
    connection: sqlite3.Connection,
    numbers: str,
    values: tuple[object, ...],
    *,
    order: str = "e.seq",
) -> tuple[StoredEvent, ...]:
    rows = connection.execute(_STORED.format(numbers=numbers, order=order), values)
    return tuple(map(_stored_event, rows))


def _in_range(connection: sqlite3.Connection, query: EventQuery, most: int) -> int:
    values = (query.start, query.end, most)
    return int(connection.execute(_IN_RANGE, values).fetchone()[0])


def _last_seq(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT seq FROM last_seq").fetchone()[0])


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
