"""An ``EventQuery`` as SQL: conditions with bound values only."""

from dataclasses import dataclass
from typing import Final

from sqreen_mw.collector.events.base import EventQuery
from sqreen_mw.collector.events.sqlite.free_text import like_pattern
from sqreen_mw.collector.events.sqlite.packed_ip import packed_range

_WORD: Final = "(SELECT id FROM words WHERE text = ?)"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What follows FROM, and the values for its question marks in their order.

    ``alias`` names the table whose time and sequence number are those of the index in use.
    """

    alias: str
    source: str
    where: str
    values: tuple[object, ...]


def in_range(query: EventQuery) -> Conditions:
    """Return the conditions of a query with its time range.

    A user's events are found by their own index, which has the time as well.
    """
    times = (query.start, query.end)
    where, values = filters(query)
    if query.user is None:
        bounds = "e.timestamp >= ? AND e.timestamp < ?"
        return Conditions("e", "events AS e", f"{bounds}{where}", (*times, *values))
    return Conditions(
        "u",
        # CROSS JOIN: SQLite keeps this order of the two.
        "event_users AS u CROSS JOIN events AS e ON e.seq = u.seq",
        f"u.value = ? AND u.timestamp >= ? AND u.timestamp < ?{where}",
        (query.user, *times, *values),
    )


def stored_after(query: EventQuery, seq: int) -> Conditions:
    """Return the conditions of a query for what was stored after ``seq``, at whatever time."""
    where, values = filters(query)
    if query.user is not None:
        where += (
            " AND EXISTS (SELECT 1 FROM event_users AS u"
            " WHERE u.value = ? AND u.timestamp = e.timestamp AND u.seq = e.seq)"
        )
        values = (*values, query.user)
    # NOT INDEXED: in the order of storing, there is nothing to sort and little to read.
    return Conditions("e", "events AS e NOT INDEXED", f"e.seq > ?{where}", (seq, *values))


def filters(query: EventQuery) -> tuple[str, tuple[object, ...]]:
    """Return what every event of a query must hold besides its time and user, as AND terms."""
    parts = [
        # The plus keeps SQLite from choosing an index by these: almost every event has them.
        *_equal("+e.app", query.app),
        *_equal("+e.env", query.env),
        *_name(query.name),
        *_ip(query.ip),
        *_text(query.text),
    ]
    where = "".join(f" AND {condition}" for condition, _ in parts)
    return where, tuple(value for _, values in parts for value in values)


def _equal(column: str, word: str | None) -> list[tuple[str, tuple[object, ...]]]:
    return [] if word is None else [(f"{column} = {_WORD}", (word,))]


def _name(pattern: str | None) -> list[tuple[str, tuple[object, ...]]]:
    if pattern == "*":
        return []
    if pattern is None or "*" not in pattern:
        return _equal("e.name", pattern)
    glob = pattern.replace("[", "[[]").replace("?", "[?]")
    return [("e.name IN (SELECT id FROM words WHERE text GLOB ?)", (glob,))]


def _ip(text: str | None) -> list[tuple[str, tuple[object, ...]]]:
    if text is None:
        return []
    addresses = packed_range(text)
    if addresses is None:
        return [("FALSE", ())]
    first, last = addresses
    if first == last:
        return [("e.ip = ?", (first,))]
    return [("e.ip BETWEEN ? AND ?", addresses)]


def _text(text: str | None) -> list[tuple[str, tuple[object, ...]]]:
    if not text:
        return []
    condition = "CASE WHEN e.json LIKE ? ESCAPE '!' THEN mentions(e.json, ?) ELSE 0 END"
    return [(condition, (like_pattern(text), text))]
