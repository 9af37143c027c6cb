"""Read the events of a window of time, for playbooks."""

import sqlite3
from collections.abc import Mapping
from typing import Final

import msgspec

from sqreen_mw.collector.events.base import StoredEvent, WindowQuery
from sqreen_mw.collector.events.sqlite.compile import Selection
from sqreen_mw.collector.events.sqlite.flags import ESTABLISHED, IMPORTED
from sqreen_mw.collector.events.sqlite.reads import newest_of
from sqreen_mw.protocol.identifier import (
    canonical_identifiers,
    canonical_user,
    identifier_text,
)

MAX_LAG: Final = 24 * 60 * 60 * 1000
"""Milliseconds. Events that arrive later count for no playbook."""

MAX_LEAD: Final = 5 * 60 * 1000
"""Milliseconds. Events that are further in the future count for no playbook."""

_PAGE: Final = 500

# The lag and the lead are measured by the sender's clock, if the batch states it.
_COUNTED: Final = f"""
e.flags & {IMPORTED} = 0
AND e.timestamp <= coalesce(e.sent_at, e.received_at) + {MAX_LEAD}
AND max(coalesce(e.sent_at, e.received_at), e.received_at) - e.timestamp <= {MAX_LAG}
"""


def window_in(
    connection: sqlite3.Connection, query: WindowQuery, *, limit: int
) -> list[StoredEvent]:
    """Return the newest events of a window that one period has, newest first."""
    found: list[StoredEvent] = []
    selection = _select(query)
    position = (query.until + 1, 0)
    alias = selection.alias
    # Pages have one size, because the user may be a rare one among equal values of other keys.
    size = limit if query.user is None else _PAGE
    while len(found) < limit:
        where = f"{selection.where} AND ({alias}.timestamp, {alias}.seq) < (?, ?)"
        part = Selection(alias, selection.source, where, (*selection.values, *position))
        events = newest_of(connection, part, size)
        found += [one for one in events if _has_user(one.event.user_identifiers, query.user)]
        if len(events) < size:
            break
        position = (events[-1].event.timestamp, events[-1].seq)
    return found[:limit]


def users_in(connection: sqlite3.Connection, query: WindowQuery, *, limit: int) -> set[str]:
    """Return the established users of a window that one period has."""
    selection = _select(query)
    rows = connection.execute(
        "SELECT DISTINCT json_extract(e.json, '$.user_identifiers')"
        f" FROM {selection.source} WHERE {selection.where} AND e.flags & {ESTABLISHED}",
        selection.values,
    )
    found: set[str] = set()
    for (json,) in rows:
        identifiers = msgspec.json.decode(json or "{}")
        user = canonical_user(identifiers)
        if user is not None and _has_user(identifiers, query.user):
            found.add(user)
        if len(found) >= limit:
            break
    rows.close()
    return found


def _has_user(identifiers: Mapping[str, str | int], user: str | None) -> bool:
    pairs = canonical_identifiers(identifiers)
    return user is None or any(identifier_text(*pair) == user for pair in pairs)


def _select(query: WindowQuery) -> Selection:
    marks = ",".join("?" * len(query.names))
    where = (
        f"{_COUNTED} AND e.app = (SELECT id FROM words WHERE text = ?)"
        " AND e.env = (SELECT id FROM words WHERE text = ?)"
        f" AND e.name IN (SELECT id FROM words WHERE text IN ({marks}))"
    )
    values: tuple[object, ...] = (query.app, query.env, *query.names)
    source, alias = "events AS e INDEXED BY events_by_name", "e"
    if query.addresses is not None:
        where += " AND e.ip BETWEEN ? AND ?"
        values = (*values, *query.addresses)
        source = "events AS e INDEXED BY events_by_ip"
    if query.user is not None:
        where += " AND u.value = ?"
        values = (*values, query.user.partition("=")[2])
        # CROSS JOIN makes SQLite read the user index first.
        source, alias = "event_users AS u CROSS JOIN events AS e ON e.seq = u.seq", "u"
    where += f" AND {alias}.timestamp >= ? AND {alias}.timestamp < ?"
    return Selection(alias, source, where, (*values, query.after + 1, query.until + 1))
