"""Events, queries, and the matching of filters in plain Python."""

import ipaddress
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
from hypothesis import strategies as st
from msgspec import structs

from sqreen_mw.collector.events.base import (
    AcceptedBatch,
    Cursor,
    EventQuery,
    EventStore,
    StoredEvent,
    WindowQuery,
)
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.events.filters import And, Comparison, Field, Filter, Not, Operator, Or
from sqreen_mw.collector.events.packed_ip import packed_ip, packed_range
from sqreen_mw.protocol.event import Event, Params, RequestInfo
from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.protocol.identifier import (
    canonical_identifiers,
    identifier_text,
    possible_values,
)

NOW: Final = 1_700_000_000_000
NAMES: Final = ("login.failed", "login.ok", "loginXok", "cart[1]?", "É.é")
IPS: Final = ("203.0.113.7", "203.0.113.200", "198.51.100.1", "2001:db8::7", None)
USERS: Final = ("42", 42, "ann@example.com", "Ann", "\ufb01sh", "Straße")
TEXTS: Final = (
    "SPRING",
    'say "hi"',
    "50%_!",
    "back\\slash",
    "line\nbreak",
    "Ünï",
    1.5,
    7,
    7.0,
    True,
)
ANY_TIME: Final = EventQuery(start=-(2**60), end=2**60)


class CheckedDeadline(Deadline):
    """A deadline that is over after a number of checks, which come each STEPS_BETWEEN_CHECKS."""

    def __init__(self, checks: int) -> None:
        super().__init__(5)
        self.checks = checks

    @property
    def is_over(self) -> bool:
        """Count a check."""
        self.checks -= 1
        return self.checks < 0


def event(
    *, at: int = NOW, name: str = "login.failed", ip: str | None = None, **more: Any
) -> Event:
    """Return a plain event with a new id."""
    request = None if ip is None else RequestInfo(verb="GET", path="/", ip=ip)
    return Event(id=new_event_id(NOW), name=name, timestamp=at, request=request, **more)


def batch(
    events: Sequence[Event], *, app: str = "shop", env: str = "prod", imported: bool = False
) -> AcceptedBatch:
    """Return a batch of events."""
    return AcceptedBatch(
        app=app, env=env, release="1.0", received_at=NOW, imported=imported, events=events
    )


requests = st.builds(
    RequestInfo,
    verb=st.just("POST"),
    path=st.sampled_from(("/login", "/SPRING", "/50%")),
    ip=st.sampled_from(IPS),
    ip_source=st.sampled_from(("peer", "proxy")),
    forwarded_ignored=st.booleans(),
    user_agent=st.sampled_from((None, "curl/8.0", "Spring")),
    status=st.sampled_from((None, 200, 404)),
    params=st.sampled_from((Params(), Params(query={"code": ["a", "SPRING"]}))),
)
scalars = st.sampled_from((*TEXTS, 7.0, None))
events = st.builds(
    Event,
    id=st.integers(0, 2**40).map(new_event_id),
    name=st.sampled_from(NAMES),
    timestamp=st.integers(-40, 40) | st.integers(NOW - 50, NOW + 50),
    properties=st.dictionaries(
        st.sampled_from(("code", 'a."b"')),
        scalars
        | st.lists(scalars, max_size=2)
        | st.dictionaries(st.sampled_from(("code", "x")), scalars, max_size=2),
        max_size=2,
    ),
    user_identifiers=st.dictionaries(
        st.sampled_from(("id", "email")), st.sampled_from(USERS), max_size=2
    ),
    user_traits=st.dictionaries(st.just("plan"), st.sampled_from(("gold", 7)), max_size=1),
    identity=st.sampled_from((None, "established", "claimed")),
    request=st.none() | requests,
)
batches = st.lists(
    st.builds(
        batch,
        st.lists(events, max_size=8),
        app=st.sampled_from(("shop", "bank")),
        env=st.sampled_from(("prod", "test")),
        imported=st.booleans(),
    ),
    max_size=4,
)
DAY: Final = 24 * 60 * 60 * 1000
_days = st.integers(NOW - 3 * DAY, NOW + 2 * DAY) | st.sampled_from(
    [NOW - DAY, NOW - DAY - 1, NOW + 300_000, NOW + 300_001, NOW - 400 * DAY, 0]
)
batches_of_days = st.lists(
    st.builds(
        AcceptedBatch,
        app=st.sampled_from(("shop", "bank")),
        env=st.just("prod"),
        release=st.none(),
        received_at=st.sampled_from((NOW, NOW + DAY)),
        sent_at=st.none() | st.sampled_from((NOW, NOW - 1000, NOW + 1000, NOW + DAY)),
        imported=st.booleans(),
        events=st.lists(
            st.builds(
                structs.replace,
                events,
                id=st.integers(0, 30).map(
                    lambda number: f"018bcfe5-{number:04x}-7000-8000-{0:012}"
                ),
                timestamp=_days,
            ),
            max_size=12,
        ),
    ),
    max_size=6,
)
windows = st.builds(
    WindowQuery,
    app=st.sampled_from(("shop", "bank")),
    env=st.just("prod"),
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(tuple),
    after=_days,
    until=_days,
    addresses=st.sampled_from((None, *map(packed_range, ("203.0.113.7", "203.0.0.0/8", "::/0")))),
    user=st.sampled_from((None, "id=42", "email=ann", "email=ann@example.com", "id=Ann")),
    limit=st.sampled_from((1, 3, 20_000)),
)
bounds = st.sampled_from((-(2**60), -20, 0, 20, NOW - 20, NOW, NOW + 20, 2**60))

_PATTERNS: Final = ("*", "login.*", "*ok", "l*n*", "cart[1]?", "cart[1]*", "É.*", "*1*5*")
_WORDS: Final = (
    *("shop", "prod", "nobody", "1.0", "42", "ann@example.com", "ann", "login.ok", "spring"),
    *("say", '"', "%", "_", "!", "\\", "\n", "n", "Ü", "1.5", "TRUE", "true", "null", "id", ""),
    *("peer", "gold", "7", "SPRING", "404", "ANN@EXAMPLE.COM", " 42 ", "failed", "established"),
)
_NETWORKS: Final = ("203.0.113.7", "203.0.113.9/24", "2001:db8::/32", "::/0", "0.0.0.0/0")
_FIELDS: Final[tuple[Field, ...]] = (
    *(("event",), ("app",), ("env",), ("release",), ("ip",), ("user",), ("text",)),
    *(("user", "id"), ("request", "status"), ("request", "ip_source"), ("request", "ip")),
    *(("request", "params", "query", "code"), ("properties", "code"), ("properties", "x")),
    *(("properties", "code", "code"), ("properties", 'a."b"'), ("traits", "plan")),
    *(("outcome",), ("identity",), ("imported",), ("forwarded_ignored",)),
)
_OPTIONAL: Final = {("ip",), ("request", "ip"), ("outcome",), ("identity",)}


def _comparisons(operators: Sequence[Operator], values: Sequence[Any]) -> st.SearchStrategy[Filter]:
    return st.builds(
        Comparison,
        field=st.sampled_from(_FIELDS),
        operator=st.sampled_from(operators),
        value=st.sampled_from(values),
    )


comparisons = (
    _comparisons(("=", "contains"), _WORDS)
    | _comparisons(("glob", "like"), (*_PATTERNS, *_WORDS))
    | _comparisons(("in",), _NETWORKS)
    | _comparisons(("=", "<", "<=", ">", ">="), (0, 1.5, 7, 7.0, 42, 404))
)


def _composed(terms: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    several = st.lists(terms, max_size=3).map(tuple)
    return st.builds(Not, terms) | st.builds(And, several) | st.builds(Or, several)


filters = st.recursive(comparisons, _composed, max_leaves=6)
# Conjunctions of these use special indexes.
_indexed = st.builds(
    Comparison,
    field=st.sampled_from((("event",), ("app",), ("env",), ("user",))),
    operator=st.just("="),
    value=st.sampled_from(("login.ok", "login.failed", "shop", "prod", "42")),
)
queries = st.builds(
    EventQuery,
    start=bounds,
    end=bounds,
    filter=filters | st.builds(And, st.lists(_indexed | filters, max_size=3).map(tuple)),
)


def counts(query: WindowQuery, stored: StoredEvent) -> bool:
    """Return True if an event counts in the window of a playbook."""
    at, request = stored.event.timestamp, stored.event.request
    sent_at = stored.received_at if stored.sent_at is None else stored.sent_at
    packed = None if request is None or request.ip is None else packed_ip(request.ip)
    first, last = query.addresses or (b"", b"\xff" * 16)
    pairs = canonical_identifiers(stored.event.user_identifiers)
    return (
        (stored.app, stored.env) == (query.app, query.env)
        and stored.event.name in query.names
        and query.after < at <= query.until
        and (query.addresses is None or (packed is not None and first <= packed <= last))
        and (query.user is None or query.user in {identifier_text(*pair) for pair in pairs})
        and not stored.imported
        and at <= sent_at + 5 * 60 * 1000
        and max(sent_at, stored.received_at) - at <= DAY
    )


def matches(query: EventQuery, stored: StoredEvent, *, at_any_time: bool = False) -> bool:
    """Return True if a query finds an event."""
    in_range = at_any_time or query.start <= stored.event.timestamp < query.end
    return in_range and filter_matches(query.filter, stored)


def filter_matches(tree: Filter, stored: StoredEvent) -> bool:
    """Return True if a filter matches an event."""
    match tree:
        case And():
            return all(filter_matches(term, stored) for term in tree.terms)
        case Or():
            return any(filter_matches(term, stored) for term in tree.terms)
        case Not():
            return not filter_matches(tree.term, stored)
        case Comparison():
            if tree.field == ("user",) and tree.operator == "=":
                return bool({*possible_values(str(tree.value))} & {*_users(stored.event)})
            test = _TESTS[tree.operator]
            return any(test(value, tree.value) for value in _values(tree.field, stored))


def walk(store: EventStore, query: EventQuery, *, limit: int) -> list[StoredEvent]:
    """Return the events of all pages of a query."""
    found: list[StoredEvent] = []
    after: Cursor | None = None
    while True:
        page = store.page(replace(query, after=after), limit=limit)
        assert len(page.events) <= limit
        found.extend(page.events)
        if page.next is None:
            return found
        assert len(page.events) == limit
        after = page.next


def fill(new_store: Callable[[], EventStore], batches: Sequence[AcceptedBatch]) -> EventStore:
    """Return a new store that holds the batches."""
    store = new_store()
    for one in batches:
        store.append(one)
    return store


def _values(field: Field, stored: StoredEvent) -> list[Any]:
    event = stored.event
    request = {} if event.request is None else _members(event.request)
    roots: dict[str, Any] = {
        "event": event.name,
        "app": stored.app,
        "env": stored.env,
        "release": stored.release,
        "ip": request.get("ip"),
        "user": dict(canonical_identifiers(event.user_identifiers)) if field[1:] else _users(event),
        "outcome": stored.outcome,
        "identity": event.identity,
        "imported": stored.imported,
        "forwarded_ignored": request.get("forwarded_ignored", False),
        "text": _searchable(event),
        "request": request,
        "properties": event.properties,
        "traits": event.user_traits,
    }
    if field in _OPTIONAL and roots.get(field[-1], request.get("ip")) is None:
        return []
    found = [roots[field[0]]]
    for key in field[1:]:
        found = [value[key] for value in _flat(found) if isinstance(value, dict) and key in value]
    return [value for value in _flat(found) if not isinstance(value, dict)]


def _users(event: Event) -> list[str]:
    return [value for _, value in canonical_identifiers(event.user_identifiers)]


def _members(request: RequestInfo) -> dict[str, Any]:
    members = {name: getattr(request, name) for name in request.__struct_fields__}
    return {
        **{name: value for name, value in members.items() if value is not None},
        "params": msgspec.to_builtins(request.params),
    }


def _searchable(event: Event) -> list[Any]:
    found: list[Any] = [event.name, event.user_identifiers, event.properties]
    if event.request is not None:
        found += [event.request.path, event.request.user_agent or ""]
    while any(isinstance(value, dict) for value in _flat(found)):
        found = [
            part
            for value in _flat(found)
            for part in (value.values() if isinstance(value, dict) else [value])
        ]
    return _flat(found)


def _flat(values: list[Any]) -> list[Any]:
    return [
        part for value in values for part in (_flat(value) if isinstance(value, list) else [value])
    ]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return {"True": "true", "False": "false", "None": "null"}.get(str(value), str(value))


def _lower(text: str) -> str:
    return re.sub("[A-Z]", lambda match: match[0].lower(), text)


def _glob(value: Any, pattern: Any) -> bool:
    expression = ".*".join(map(re.escape, pattern.split("*")))
    return re.fullmatch(expression, _text(value), re.DOTALL) is not None


def _within(value: Any, text: Any) -> bool:
    try:
        address = ipaddress.ip_address(_text(value))
    except ValueError:
        return False
    if text == "::/0":
        return True  # It contains the IPv4-mapped addresses.
    return address in ipaddress.ip_network(text, strict=False)


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: type(value) in {int, float} and compare(value, wanted)


_TESTS: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    "=": lambda value, wanted: (
        _text(value) == wanted
        if isinstance(wanted, str)
        else type(value) in {int, float} and value == wanted
    ),
    "glob": _glob,
    "like": lambda value, wanted: _glob(_lower(_text(value)), _lower(wanted)),
    "contains": lambda value, wanted: _lower(wanted) in _lower(_text(value)),
    "in": _within,
    "<": _ordering(operator.lt),
    "<=": _ordering(operator.le),
    ">": _ordering(operator.gt),
    ">=": _ordering(operator.ge),
}
