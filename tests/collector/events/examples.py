"""Events to store, and what a query finds among them told in plain Python."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from hypothesis import strategies as st

from sqreen_mw.collector.events.base import (
    AcceptedBatch,
    Cursor,
    EventQuery,
    EventStore,
    StoredEvent,
)
from sqreen_mw.protocol.event import Event, RequestInfo
from sqreen_mw.protocol.event_id import new_event_id

NOW: Final = 1_700_000_000_000
NAMES: Final = ("login.failed", "login.ok", "loginXok", "cart[1]?", "É.é")
IPS: Final = ("203.0.113.7", "203.0.113.200", "198.51.100.1", "2001:db8::7", None)
USERS: Final = ("42", 42, "ann@example.com", "Ann")
TEXTS: Final = ("SPRING", 'say "hi"', "50%_!", "back\\slash", "line\nbreak", "Ünï", 1.5, True)
EVERYTHING: Final = EventQuery(start=-(2**60), end=2**60)


def event(*, at: int = NOW, name: str = "login.failed", ip: str | None = None) -> Event:
    """Return a plain event with a new id."""
    request = None if ip is None else RequestInfo(verb="GET", path="/", ip=ip)
    return Event(id=new_event_id(NOW), name=name, timestamp=at, request=request)


def batch(events: Sequence[Event], *, app: str = "shop", env: str = "prod") -> AcceptedBatch:
    """Return a batch of events."""
    return AcceptedBatch(app=app, env=env, release="1.0", received_at=NOW, events=events)


requests = st.builds(
    RequestInfo,
    verb=st.just("POST"),
    path=st.sampled_from(("/login", "/SPRING", "/50%")),
    ip=st.sampled_from(IPS),
    user_agent=st.sampled_from((None, "curl/8.0", "Spring")),
)
events = st.builds(
    Event,
    id=st.integers(0, 2**40).map(new_event_id),
    name=st.sampled_from(NAMES),
    timestamp=st.integers(-40, 40) | st.integers(NOW - 50, NOW + 50),
    properties=st.dictionaries(
        st.sampled_from(("code", "login")),
        st.sampled_from(TEXTS) | st.lists(st.sampled_from(TEXTS), max_size=2),
        max_size=2,
    ),
    user_identifiers=st.dictionaries(
        st.sampled_from(("id", "email")), st.sampled_from(USERS), max_size=2
    ),
    request=st.none() | requests,
)
batches = st.lists(
    st.builds(
        batch,
        st.lists(events, max_size=8),
        app=st.sampled_from(("shop", "bank")),
        env=st.sampled_from(("prod", "test")),
    ),
    max_size=4,
)
bounds = st.sampled_from((-(2**60), -20, 0, 20, NOW - 20, NOW, NOW + 20, 2**60))
queries = st.builds(
    EventQuery,
    start=bounds,
    end=bounds,
    app=st.sampled_from((None, None, "shop", "nobody")),
    env=st.sampled_from((None, None, "prod", "test")),
    name=st.sampled_from((None, "*", "login.*", "*ok", "l*n*", "cart[1]?", "cart[1]*", "É.*")),
    ip=st.sampled_from(
        (None, None, "203.0.113.7", "203.0.113.9/24", "2001:db8::/32", "::/0", "0.0.0.0/0", "nix")
    ),
    user=st.sampled_from((None, None, "42", "ann@example.com", "ann")),
    text=st.sampled_from(
        (None, None, "spring", "say", '"', "%", "_", "!", "\\", "\n", "n", "Ü", "1.5", "TRUE", "id")
    ),
)


def matches(query: EventQuery, stored: StoredEvent, *, at_any_time: bool = False) -> bool:
    """Tell whether a query finds an event."""
    checks: Iterable[bool] = (
        at_any_time or query.start <= stored.event.timestamp < query.end,
        query.app in {None, stored.app},
        query.env in {None, stored.env},
        query.name is None or _glob(query.name, stored.event.name),
        query.ip is None or _within(query.ip, stored.event.request),
        query.user is None or query.user in map(str, stored.event.user_identifiers.values()),
        query.text is None or any(_lower(query.text) in _lower(t) for t in _texts(stored.event)),
    )
    return all(checks)


def walk(store: EventStore, query: EventQuery, *, limit: int) -> list[StoredEvent]:
    """Return the events of all pages of a query."""
    found: list[StoredEvent] = []
    after: Cursor | None = None
    while True:
        page = store.page(query, after=after, limit=limit)
        assert len(page.events) <= limit
        found.extend(page.events)
        if page.next is None:
            return found
        assert len(page.events) == limit
        after = page.next


def fill(new_store: Callable[[], EventStore], wanted: Sequence[AcceptedBatch]) -> EventStore:
    """Return a new store that holds the batches."""
    store = new_store()
    for one in wanted:
        store.append(one)
    return store


def _glob(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def _within(text: str, request: RequestInfo | None) -> bool:
    if request is None or request.ip is None or text == "nix":
        return False
    network, address = ipaddress.ip_network(text, strict=False), ipaddress.ip_address(request.ip)
    if network == ipaddress.ip_network("::/0"):
        return True  # IPv4 addresses are a part of IPv6's, the mapped ones.
    return address in network


def _texts(event: Event) -> list[str]:
    texts = [event.name]
    if event.request is not None:
        texts += [event.request.path, event.request.user_agent or ""]
    values = [*event.user_identifiers.values(), *event.properties.values()]
    for value in values:
        texts += [
            part if isinstance(part, str) else {True: "true"}.get(part, str(part))
            for part in (value if isinstance(value, list) else [value])
        ]
    return texts


def _lower(text: str) -> str:
    return re.sub("[A-Z]", lambda match: match[0].lower(), text)
