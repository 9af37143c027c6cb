"""Compile an ``EventQuery`` into SQL with bound values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeGuard

import msgspec

from sqreen_mw.collector.events.base import EventQuery
from sqreen_mw.collector.events.filters import And, Comparison, Field, Filter, Not, Or, conjuncts
from sqreen_mw.collector.events.matching import value_test
from sqreen_mw.collector.events.packed_ip import packed_range
from sqreen_mw.collector.events.sqlite.flags import FLAG_MASKS, FLAGS
from sqreen_mw.collector.events.sqlite.json_fields import has_default, like_pattern
from sqreen_mw.protocol.identifier import possible_values

# The plus keeps SQLite from choosing an index by app and environment, which almost all events
# share.
WORD_COLUMNS: Final[Mapping[Field, str]] = {
    ("event",): "e.name",
    ("app",): "+e.app",
    ("env",): "+e.env",
    ("release",): "+e.release",
}
_USER: Final = (
    "EXISTS (SELECT 1 FROM event_users AS u"
    " WHERE u.value IN ({marks}) AND u.timestamp = e.timestamp AND u.seq = e.seq)"
)

# CROSS JOIN makes SQLite read the user index first.
_OF_USERS: Final = "({users}) AS u CROSS JOIN events AS e ON e.seq = u.seq"


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition and the values of its placeholders."""

    text: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """The part of a query after FROM. ``alias`` is the table whose index has the time."""

    alias: str
    source: str
    where: str
    values: tuple[object, ...]


def select_in_range(query: EventQuery) -> Selection:
    """Compile a query with its time range. A user's events come from the user index."""
    times = (query.start, query.end)
    terms = list(conjuncts(query.filter))
    user = next(filter(_is_user, terms), None)
    if user is None:
        rest = and_terms(terms)
        bounds = "e.timestamp >= ? AND e.timestamp < ?"
        return Selection("e", "events AS e", bounds + rest.text, (*times, *rest.values))
    terms.remove(user)
    rest = and_terms(terms)
    users = select_user(user, query)
    return Selection(
        "u", _OF_USERS.format(users=users.text), f"TRUE{rest.text}", (*users.values, *rest.values)
    )


def select_user(user: Comparison, query: EventQuery) -> Sql:
    """Compile the times and sequence numbers of a user's events in the range of a query."""
    values = possible_values(str(user.value))
    # One value needs no DISTINCT: an event has each value once.
    distinct = "" if len(values) == 1 else "DISTINCT "
    return Sql(
        f"SELECT {distinct}timestamp, seq FROM event_users"
        f" WHERE value IN ({','.join('?' * len(values))}) AND timestamp >= ? AND timestamp < ?",
        (*values, query.start, query.end),
    )


def only_user(query: EventQuery) -> Comparison | None:
    """Return the comparison of a query that filters by a user and by nothing else."""
    terms = list(conjuncts(query.filter))
    return terms[0] if len(terms) == 1 and _is_user(terms[0]) else None


def spans_index(query: EventQuery) -> bool:
    """Return True if the events of a query come from a range of an index: a network."""
    return any(
        isinstance(term, Comparison) and term.operator == "in" and "/" in str(term.value)
        for term in conjuncts(query.filter)
    )


def select_stored(query: EventQuery, *, after: int, last: int) -> Selection:
    """Compile a query for the events with a sequence number in a range, at any time."""
    rest = and_terms(conjuncts(query.filter))
    # NOT INDEXED reads in the order of storing, so there is nothing to sort.
    source = "events AS e NOT INDEXED"
    return Selection(
        "e", source, f"e.seq > ? AND e.seq <= ?{rest.text}", (after, last, *rest.values)
    )


def select_oldest(query: EventQuery, *, most: int) -> Selection:
    """Compile a query for the matching ones among the oldest events of its range."""
    rest = and_terms(conjuncts(query.filter))
    oldest = (
        "SELECT seq FROM events WHERE timestamp >= ? AND timestamp < ? ORDER BY timestamp LIMIT ?"
    )
    values = (query.start, query.end, most, *rest.values)
    return Selection("e", "events AS e", f"e.seq IN ({oldest}){rest.text}", values)


def and_terms(terms: Iterable[Filter]) -> Sql:
    """Compile filters that must all match, each with AND before it."""
    parts = [compile_filter(term) for term in terms]
    text = "".join(f" AND ({part.text})" for part in parts)
    return Sql(text, tuple(value for part in parts for value in part.values))


def compile_filter(tree: Filter) -> Sql:
    """Compile a filter. A condition that is NULL counts as false."""
    match tree:
        case And():
            return _joined(tree.terms, " AND ", empty="TRUE")
        case Or():
            return _joined(tree.terms, " OR ", empty="FALSE")
        case Not():
            sql = compile_filter(tree.term)
            return Sql(f"({sql.text}) IS NOT TRUE", sql.values)
        case Comparison():
            return _comparison(tree)


def _joined(terms: tuple[Filter, ...], operator: str, *, empty: str) -> Sql:
    parts = [compile_filter(term) for term in terms]
    text = operator.join(f"({part.text})" for part in parts)
    return Sql(text or empty, tuple(value for part in parts for value in part.values))


def _is_user(term: Filter) -> TypeGuard[Comparison]:
    return isinstance(term, Comparison) and term.field == ("user",) and term.operator == "="


def _comparison(comparison: Comparison) -> Sql:
    match comparison:
        case Comparison(field) if field in WORD_COLUMNS:
            return _word(comparison)
        case Comparison(("user",) | ("user", _), "=", str(value)):
            return _user(comparison, value)
        case Comparison(field) if field in FLAGS:
            return _flags(comparison)
        case Comparison(("ip",), "in", str(network)):
            first, last = packed_range(network)
            return _between(first, last)
        case _:
            return _in_json(comparison)


def _user(comparison: Comparison, value: str) -> Sql:
    has_key = len(comparison.field) > 1
    values = (value,) if has_key else possible_values(value)
    text = _USER.format(marks=",".join("?" * len(values)))
    if not has_key:
        return Sql(text, values)
    text = f"CASE WHEN {text} THEN json_matches(e.json, ?) ELSE 0 END"
    return Sql(text, (*values, _encoded(comparison)))


def _between(first: bytes, last: bytes) -> Sql:
    if first == last:
        return Sql("e.ip = ?", (first,))
    return Sql("e.ip BETWEEN ? AND ?", (first, last))


def _word(comparison: Comparison) -> Sql:
    column = WORD_COLUMNS[comparison.field]
    if comparison.operator == "=" and isinstance(comparison.value, str):
        return Sql(f"{column} = (SELECT id FROM words WHERE text = ?)", (comparison.value,))
    words = "(SELECT id FROM words WHERE text_matches(text, ?))"
    return Sql(f"{column} IN {words}", (_encoded(comparison),))


def _flags(comparison: Comparison) -> Sql:
    test = value_test(comparison)
    masks = [str(mask) for value, mask in FLAGS[comparison.field].items() if test(value)]
    return Sql(f"e.flags & {FLAG_MASKS[comparison.field]} IN ({','.join(masks)})")


def _in_json(comparison: Comparison) -> Sql:
    sql = Sql("json_matches(e.json, ?)", (_encoded(comparison),))
    text = comparison.value
    has_part = comparison.operator in {"=", "like", "contains"}
    if not isinstance(text, str) or not has_part or has_default(comparison.field):
        return sql
    # LIKE is faster. It finds all matching events, and some others.
    part = max(text.split("*"), key=len) if comparison.operator == "like" else text
    may_match = "e.json LIKE ? ESCAPE '!'"
    if comparison.field[0] == "user":
        # The canonical form of a user may differ from a text that is not ASCII. Such a text has
        # more bytes than characters.
        may_match += " OR length(e.json) < length(CAST(e.json AS BLOB))"
    return Sql(
        f"CASE WHEN {may_match} THEN {sql.text} ELSE 0 END", (like_pattern(part), *sql.values)
    )


def _encoded(comparison: Comparison) -> str:
    return msgspec.json.encode(comparison).decode()
