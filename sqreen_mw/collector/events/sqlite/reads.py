"""Read the events of one period."""

import sqlite3
from typing import Final

from sqreen_mw.collector.events.base import EventQuery, StoredEvent
from sqreen_mw.collector.events.sqlite.compile import (
    Selection,
    select_in_range,
    select_oldest,
    select_stored,
)
from sqreen_mw.collector.events.sqlite.flags import IMPORTED, outcome_of_flags
from sqreen_mw.protocol.batch import decode_event

# The subquery finds sequence numbers, from an index if possible. CROSS JOIN reads their events.
_STORED: Final = """
SELECT e.seq, app.text, env.text, release.text, e.received_at, e.sent_at, e.flags, e.json
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
NEWEST_FIRST: Final = "e.timestamp DESC, e.seq DESC"


def newest(
    connection: sqlite3.Connection, query: EventQuery, limit: int
) -> tuple[StoredEvent, ...]:
    """Return the newest events of a query, after its cursor."""
    found = select_in_range(query)
    where, values, alias = found.where, found.values, found.alias
    if query.after is not None:
        where += f" AND ({alias}.timestamp, {alias}.seq) < (?, ?)"
        values = (*values, query.after.timestamp, query.after.seq)
    return newest_of(connection, Selection(alias, found.source, where, values), limit)


def newest_of(
    connection: sqlite3.Connection, found: Selection, limit: int
) -> tuple[StoredEvent, ...]:
    """Return the newest events of a selection."""
    numbers = (
        f"SELECT {found.alias}.seq FROM {found.source} WHERE {found.where}"
        f" ORDER BY {found.alias}.timestamp DESC, {found.alias}.seq DESC LIMIT ?"
    )
    return _stored(connection, numbers, (*found.values, limit), order=NEWEST_FIRST)


def stored_between(
    connection: sqlite3.Connection, query: EventQuery, *, after: int, last: int, limit: int
) -> tuple[StoredEvent, ...]:
    """Return matching events by their sequence number, in the order of storing."""
    found = select_stored(query, after=after, last=last)
    numbers = f"SELECT e.seq FROM {found.source} WHERE {found.where} ORDER BY e.seq LIMIT ?"
    return _stored(connection, numbers, (*found.values, limit))


def by_id(connection: sqlite3.Connection, app: str, event_id: bytes) -> StoredEvent | None:
    """Return the event with an id, or None."""
    found = _stored(connection, _BY_ID, (event_id, app))
    return found[0] if found else None


def number_in_range(connection: sqlite3.Connection, query: EventQuery, most: int) -> int:
    """Count the events of a query's range, up to a maximum."""
    values = (query.start, query.end, most)
    return int(connection.execute(_IN_RANGE, values).fetchone()[0])


def count_matching(
    connection: sqlite3.Connection, query: EventQuery, *, most: int | None
) -> tuple[int, int | None]:
    """Count matching events, among all or the oldest, and return the time of the newest."""
    found = select_in_range(query) if most is None else select_oldest(query, most=most)
    sql = f"SELECT count(*), max(e.timestamp) FROM {found.source} WHERE {found.where}"
    number, newest_time = connection.execute(sql, found.values).fetchone()
    return number, newest_time


def _stored(
    connection: sqlite3.Connection,
    numbers: str,
    values: tuple[object, ...],
    *,
    order: str = "e.seq",
) -> tuple[StoredEvent, ...]:
    rows = connection.execute(_STORED.format(numbers=numbers, order=order), values)
    return tuple(map(_stored_event, rows))


def _stored_event(row: sqlite3.Row) -> StoredEvent:
    seq, app, env, release, received_at, sent_at, flags, json = row
    return StoredEvent(
        seq=seq,
        app=app,
        env=env,
        release=release,
        received_at=received_at,
        sent_at=sent_at,
        imported=bool(flags & IMPORTED),
        outcome=outcome_of_flags(flags),
        event=decode_event(json.encode()),
    )
