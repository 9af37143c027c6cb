"""Test every event store for the same behaviour."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from operator import attrgetter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from sqreen_mw.collector.events.base import (
    MAX_BARS,
    AcceptedBatch,
    Appended,
    Cursor,
    EventQuery,
    EventStore,
    StoredEvent,
    WindowQuery,
)
from sqreen_mw.collector.events.filters import Comparison, Not, Operator
from sqreen_mw.collector.events.outcome import outcome_of
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.identifier import canonical_identifiers, canonical_user
from tests.collector.events.examples import (
    ANY_TIME,
    DAY,
    NOW,
    batch,
    batches,
    batches_of_days,
    counts,
    event,
    events,
    fill,
    matches,
    queries,
    walk,
    windows,
)
from tests.support.strategies import events as any_event

NewStore = Callable[[], EventStore]

# Each example opens its own store, so examples can share the fixture.
thorough = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.slow
@thorough
@given(sent=batches, limit=st.integers(1, 5))
def test_pages_hold_each_event_once_newest_first(
    new_store: NewStore, sent: list[AcceptedBatch], limit: int
) -> None:
    """The pages of a query contain each event once, sorted by time and sequence number."""
    store = fill(new_store, sent)

    found = walk(store, ANY_TIME, limit=limit)

    newest = {(one.app, e.id): e for one in reversed(sent) for e in reversed(one.events)}
    assert {(s.app, s.event.id): s.event for s in found} == newest
    assert len(found) == len(newest)
    order = [(s.event.timestamp, s.seq) for s in found]
    assert order == sorted(order, reverse=True)


@pytest.mark.slow
@thorough
@given(sent=batches, query=queries, limit=st.integers(1, 5))
def test_filters_match_like_plain_python(
    new_store: NewStore, sent: list[AcceptedBatch], query: EventQuery, limit: int
) -> None:
    """A store finds the same events as plain Python, for any filter."""
    store = fill(new_store, sent)
    everything = walk(store, ANY_TIME, limit=100)

    found = walk(store, query, limit=limit)

    assert found == [stored for stored in everything if matches(query, stored)]


@pytest.mark.slow
@thorough
@given(sent=batches, query=queries, seq=st.integers(0, 10), limit=st.integers(1, 30))
def test_since_returns_events_in_the_order_of_storing(
    new_store: NewStore,
    *,
    sent: list[AcceptedBatch],
    query: EventQuery,
    seq: int,
    limit: int,
) -> None:
    """Events stored after a sequence number come in that order, at any event time."""
    store = fill(new_store, sent)
    everything = sorted(walk(store, ANY_TIME, limit=100), key=attrgetter("seq"))

    found = store.since(query, seq=seq, limit=limit)

    newer = [s for s in everything if s.seq > seq and matches(query, s, at_any_time=True)]
    assert list(found.events) == newer[:limit]
    assert found.seq == (newer[limit - 1].seq if len(newer) >= limit else max(seq, len(everything)))


@pytest.mark.slow
@thorough
@given(sent=batches, query=queries, interval=st.integers(1, 50))
def test_histogram_counts_equal_the_pages(
    new_store: NewStore, sent: list[AcceptedBatch], query: EventQuery, interval: int
) -> None:
    """Each interval counts the events of its pages."""
    store = fill(new_store, sent)
    narrow = _narrowed(query)

    histogram = store.histogram(narrow, interval=interval)

    found = walk(store, narrow, limit=100)
    assert histogram.total == len(found)
    assert histogram.start == narrow.start // interval * interval
    for bar, count in enumerate(histogram.counts):
        start = histogram.start + bar * interval
        assert count == sum(start <= s.event.timestamp < start + interval for s in found)


@pytest.mark.slow
@thorough
@given(first=st.lists(events, max_size=5), second=st.lists(events, max_size=5))
def test_duplicates_change_nothing(
    new_store: NewStore, first: list[Event], second: list[Event]
) -> None:
    """A repeated event is counted as a duplicate and not stored."""
    store = new_store()
    store.append(batch(first))
    before = walk(store, ANY_TIME, limit=100)

    appended = store.append(batch([*second, *first, *second]))

    new = {e.id for e in second} - {e.id for e in first}
    total = len(first) + 2 * len(second)
    assert appended == Appended(len(new), total - len(new), store.last_seq())
    after = walk(store, ANY_TIME, limit=100)
    assert [s for s in after if s.event.id not in new] == before
    assert len(after) == len(before) + len(new)


@pytest.mark.slow
@settings(thorough, max_examples=40)
@given(sent=batches_of_days, windows=st.lists(windows, max_size=3), interval=st.integers(1, 30))
def test_store_equals_a_list(
    new_store: NewStore,
    reopen: Callable[[EventStore], EventStore],
    *,
    sent: list[AcceptedBatch],
    windows: list[WindowQuery],
    interval: int,
) -> None:
    """Days, duplicates, late events and restarts give the answers of a list in memory."""
    store = new_store()
    model: dict[tuple[str, str], tuple[AcceptedBatch, Event]] = {}
    for one in sent:
        unique = {(one.app, e.id): e for e in reversed(one.events)}
        new = {key: (one, e) for key, e in unique.items() if key not in model}
        assert store.append(one).accepted == len(new)
        model |= new
        store = reopen(store)

    consumed = store.consume(after=0, limit=1000)
    assert [s.seq for s in consumed] == list(range(1, len(model) + 1))
    assert {(s.app, s.event.id): s.event for s in consumed} == {k: e for k, (_, e) in model.items()}
    for s in consumed:
        batch, _ = model[s.app, s.event.id]
        facts = (batch.received_at, batch.sent_at, batch.imported)
        assert (s.received_at, s.sent_at, s.imported) == facts
        assert s.outcome == outcome_of(s.event)
        assert store.get(s.app, s.event.id) == s
    assert store.consume(after=2, limit=3) == consumed[2:5]
    newest = sorted(consumed, key=lambda s: (s.event.timestamp, s.seq), reverse=True)
    assert walk(store, ANY_TIME, limit=2) == newest
    ten_days = EventQuery(start=NOW - 5 * DAY, end=NOW + 5 * DAY)
    histogram = store.histogram(ten_days, interval=interval * 60 * 60 * 1000)
    assert histogram.total == sum(matches(ten_days, s) for s in consumed)
    for window in windows:
        counted = [s for s in newest if counts(window, s)]
        assert list(store.window(window)) == counted[: window.limit]
        users = {canonical_user(s.event.user_identifiers) for s in counted if _is_established(s)}
        found = store.users_of(window, limit=2)
        assert found <= users - {None}
        assert len(found) == min(2, len(users - {None}))


def test_user_of_a_window_has_the_right_key(store: EventStore) -> None:
    """Many events of another key with the same value do not hide the wanted ones."""
    others = [event(at=NOW + 1, user_identifiers={"username": 42}) for _ in range(1200)]
    store.append(batch([event(user_identifiers={"id": 42}), *others]))
    query = WindowQuery(
        app="shop", env="prod", names=("login.failed",), after=0, until=NOW + 1, user="id=42"
    )

    assert [one.seq for one in store.window(replace(query, limit=1))] == [1]
    assert len(store.window(replace(query, user="username=42", limit=700))) == 700


def _is_established(stored: StoredEvent) -> bool:
    return stored.event.identity == "established"


def test_ids_are_unique_per_app(store: EventStore) -> None:
    """Two apps may have events with the same id."""
    one = event()
    store.append(batch([one], app="shop"))

    appended = store.append(batch([one], app="bank"))

    assert (appended.accepted, appended.duplicates) == (1, 0)
    shop, bank = store.get("shop", one.id), store.get("bank", one.id)
    assert shop is not None
    assert bank is not None
    assert (shop.app, bank.app) == ("shop", "bank")


def test_stored_event_is_complete(store: EventStore) -> None:
    """A stored event has its app, environment, release and time of receipt."""
    one = event(ip="203.0.113.7")
    store.append(batch([one], env="test"))

    stored = store.get("shop", one.id)

    assert stored is not None
    assert stored.event == one
    assert (stored.seq, stored.env, stored.release) == (1, "test", "1.0")
    assert stored.received_at == NOW


@pytest.mark.slow
@thorough
@given(one=any_event)
def test_any_event_can_be_stored_and_found(new_store: NewStore, one: Event) -> None:
    """Any valid event is stored, and its name and users find it."""
    store = fill(new_store, [batch([one])])

    users = [value for _, value in canonical_identifiers(one.user_identifiers)]
    comparisons = [Comparison(("user",), "=", user) for user in users]
    for tree in (Comparison(("event",), "=", one.name), *comparisons):
        found = store.page(replace(ANY_TIME, filter=tree)).events
        assert [stored.event for stored in found] == [one]
        assert not store.page(replace(ANY_TIME, filter=Not(tree))).events


@pytest.mark.parametrize(
    "comparison",
    [
        Comparison(("ip",), "in", "::/0"),
        Comparison(("ip",), "contains", ""),
        Comparison(("release",), "=", "1.0"),
        Comparison(("release",), "glob", "*"),
        Comparison(("user",), "=", "42"),
        Comparison(("user", "id"), "contains", ""),
        Comparison(("request", "status"), "<", 1000),
        Comparison(("properties", "code"), "glob", "*"),
    ],
)
def test_not_matches_absent_fields(store: EventStore, comparison: Comparison) -> None:
    """A comparison on an absent field is false, and its Not is true."""
    store.append(replace(batch([event()]), release=None))

    assert not store.page(replace(ANY_TIME, filter=comparison)).events
    assert store.page(replace(ANY_TIME, filter=Not(comparison))).events
    assert not store.page(replace(ANY_TIME, filter=Not(Not(comparison)))).events


@pytest.mark.parametrize(
    ("operator", "value"), [("=", "peer"), ("contains", "PEE"), ("glob", "pe*"), ("like", "PE*")]
)
def test_values_that_the_json_omits_are_found(
    store: EventStore, operator: Operator, value: str
) -> None:
    """The wire leaves out the default source of an address; filters know it."""
    store.append(batch([event(ip="203.0.113.7")]))
    comparison = Comparison(("request", "ip_source"), operator, value)

    assert store.page(replace(ANY_TIME, filter=comparison)).events
    assert not store.page(replace(ANY_TIME, filter=Not(comparison))).events


def test_suggestions_begin_with_the_text(store: EventStore) -> None:
    """Event names and users are suggested once each, also for a text in upper case."""
    people: list[dict[str, str | int]] = [{"email": "ann@x.org", "id": 42}, {"email": "Bob"}]
    names = ("login.ok", "login.ok", "order", "%")
    store.append(
        batch([event(name=name, user_identifiers=people[n % 2]) for n, name in enumerate(names)])
    )

    assert store.suggest("event", "", limit=9) == ("%", "login.ok", "order")
    assert store.suggest("event", "LO", limit=9) == ("login.ok",)
    assert store.suggest("event", "", limit=2) == ("%", "login.ok")
    assert store.suggest("user", "AN", limit=9) == ("ann@x.org",)
    assert store.suggest("user", "", limit=9) == ("42", "ann@x.org", "bob")
    assert store.suggest("user", "%", limit=9) == ()


def test_suggestions_of_an_app_are_its_own(store: EventStore) -> None:
    """Names and users of other apps are left out."""
    for app, names, users in (
        ("shop", ("login.ok", "paid"), ("ann", "bob")),
        ("bank", ("login.ok", "sent"), ("ann", "carl")),
    ):
        found = [
            event(name=name, user_identifiers={"id": user}) for name in names for user in users
        ]
        store.append(batch(found, app=app))

    assert store.suggest("event", "", limit=9, app="shop") == ("login.ok", "paid")
    assert store.suggest("event", "s", limit=9, app="bank") == ("sent",)
    assert store.suggest("user", "", limit=9, app="shop") == ("ann", "bob")
    assert store.suggest("user", "c", limit=9, app="bank") == ("carl",)
    assert store.suggest("user", "c", limit=9, app="shop") == ()
    assert store.suggest("event", "", limit=9, app="other") == ()


@pytest.mark.parametrize("text", ["straß", "STRASS", "Stra\u1e9ee", "\uff33trasse"])
def test_suggested_users_ignore_their_spelling(store: EventStore, text: str) -> None:
    """The beginning of a user is compared in canonical form."""
    store.append(batch([event(user_identifiers={"login": "Straße 4"})]))

    assert store.suggest("user", text, limit=9) == ("strasse 4",)


@pytest.mark.parametrize("text", ["ann_x@%.org", "ANN_X@%.ORG", "ann_x*"])
def test_user_in_any_case_is_found_once(store: EventStore, text: str) -> None:
    """An event with two matching identifiers appears once, and pages continue after it."""
    people: list[dict[str, str | int]] = [
        {"a": "Ann_x@%.org", "b": "ann_x@%.org"},
        {"a": "ANN_X@%.org"},
        {"a": "annax@y.org"},
    ]
    store.append(batch([event(user_identifiers=who) for who in people]))
    query = replace(ANY_TIME, filter=Comparison(("user",), "like", text))

    first = store.page(query, limit=1)
    second = store.page(replace(query, after=first.next), limit=1)

    assert [len(page.events) for page in (first, second)] == [1, 1]
    assert second.next is None
    assert store.histogram(replace(query, start=0, end=NOW + 1), interval=NOW).total == 2


@pytest.mark.parametrize(
    "field", [("properties", "n"), ("user",), ("user", "id"), ("request", "status"), ("event",)]
)
def test_numbers_are_equal_whatever_their_json_text_is(
    store: EventStore, field: tuple[str, ...]
) -> None:
    """A number equals its int and its float, but no boolean, and only as a user the same text."""
    one = event(name="200", ip="203.0.113.7")
    assert one.request is not None
    number = structs.replace(
        one,
        id=event().id,
        name="number",
        properties={"n": [True, 200.0]},
        user_identifiers={"id": 200},
        request=structs.replace(one.request, status=200),
    )
    text = structs.replace(one, properties={"n": "200"}, user_identifiers={"id": "200"})
    store.append(batch([number, text]))
    both = ["200", "number"] if field[0] == "user" else ["number"]
    expected = [] if field == ("event",) else both

    for value in (200, 200.0, 2e2):
        query = replace(ANY_TIME, filter=Comparison(field, "=", value))
        assert [found.event.name for found in store.page(query).events] == expected
        assert store.histogram(replace(query, start=NOW, end=NOW + 1), interval=1).total == len(
            expected
        )
    assert not store.page(replace(ANY_TIME, filter=Comparison(field, "=", 1))).events


@pytest.mark.parametrize("pattern", ["fish*", "*ISH", "*sse 4*", "\u00e9va*", "*4"])
def test_pattern_of_a_user_is_compared_in_canonical_form(store: EventStore, pattern: str) -> None:
    """Ligatures, wide digits and letters without case match, as their canonical form does."""
    user = {"login": "\ufb01sh", "username": "Stra\u00dfe \uff14", "email": "\u00c9va@x.org"}
    store.append(batch([event(user_identifiers=user), event(user_identifiers={"id": "other"})]))

    found = store.page(replace(ANY_TIME, filter=Comparison(("user",), "like", pattern))).events

    assert len(found) == 1


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("email", "bob@x.org", True),
        (" EMAIL", "BOB@x.org ", True),
        ("login", "bob@x.org", False),
        ("id", "42", True),
        ("id", 42, True),
        ("id", 42.0, True),
        ("id", "042", False),
        ("account", "AbC", True),
        ("Account", "aBc", False),
        ("a=b", "c", False),
        ("email", "", False),
    ],
)
def test_key_of_a_user_is_compared_in_canonical_form(
    store: EventStore, key: str, value: str | int, *, found: bool
) -> None:
    """An identifier with a key finds equal identifiers with the same key."""
    user = {"Email": " Bob@X.org", "ID": 42, "account": "AbC", "a=b": "c"}
    store.append(batch([event(user_identifiers=user), event()]))

    tree = Comparison(("user", key), "=", value)

    assert len(store.page(replace(ANY_TIME, filter=tree)).events) == found
    assert len(store.page(replace(ANY_TIME, filter=Not(tree))).events) == 2 - found


@pytest.mark.parametrize("value", ["a\0b", "A\0B", "a"])
def test_null_character_in_a_user_counts(store: EventStore, value: str) -> None:
    """Text after a null character is part of the value."""
    store.append(batch([event(user_identifiers={"a": "a\0b"})]))

    found = store.page(replace(ANY_TIME, filter=Comparison(("user",), "like", value))).events

    assert len(found) == (value != "a")


@pytest.mark.parametrize("unknown", ["nix", "", "0190163d-8694-739b-aea5-966c26f8ad91"])
def test_get_returns_none_for_an_unknown_id(store: EventStore, unknown: str) -> None:
    """An unknown or invalid id returns None."""
    store.append(batch([event()]))

    assert store.get("shop", unknown) is None


def test_sequence_numbers_start_at_one(store: EventStore) -> None:
    """The sequence is 0 for an empty store and grows by one per event."""
    assert store.last_seq() == 0

    appended = [store.append(batch([event(), event()])).seq, store.append(batch([event()])).seq]

    assert appended == [2, 3]
    assert store.last_seq() == 3


def test_an_empty_batch_changes_nothing(store: EventStore) -> None:
    """A batch without events is accepted."""
    assert store.append(batch([])) == Appended(0, 0, 0)


def test_histogram_rejects_too_many_intervals(store: EventStore) -> None:
    """The error suggests longer intervals."""
    with pytest.raises(StoreError, match="longer intervals"):
        store.histogram(EventQuery(start=0, end=MAX_BARS + 1), interval=1)


def test_full_last_page_has_no_cursor(store: EventStore) -> None:
    """A page that ends with the last event has no next page."""
    store.append(batch([event(at=1), event(at=2)]))

    assert store.page(ANY_TIME, limit=2).next is None
    assert store.page(ANY_TIME, limit=1).next == Cursor(2, 2)


def test_concurrent_writes_and_reads(store: EventStore) -> None:
    """Threads lose no event, store none twice, and never read half a batch."""

    def write(_: int) -> None:
        store.append(batch([event() for _ in range(10)]))

    def read(_: int) -> int:
        return store.histogram(EventQuery(start=NOW, end=NOW + 1), interval=1).total

    with ThreadPoolExecutor(8) as pool:
        written, totals = pool.map(write, range(30)), pool.map(read, range(60))
        list(written)

    assert all(total % 10 == 0 for total in totals)
    assert read(0) == 300
    assert _seqs(store) == list(range(300, 0, -1))


def test_closed_store_raises_store_error(store: EventStore) -> None:
    """An open store is writable; a closed one raises StoreError."""
    store.check_writable()
    store.close()

    for call in (store.check_writable, store.last_seq, lambda: store.append(batch([event()]))):
        with pytest.raises(StoreError):
            call()


def _seqs(store: EventStore) -> Sequence[int]:
    return [stored.seq for stored in walk(store, ANY_TIME, limit=77)]


def _narrowed(query: EventQuery) -> EventQuery:
    # Around one of the two times that have events; otherwise there are too many intervals.
    middle = NOW if query.start >= NOW - 20 else 0
    start = min(max(query.start, middle - 60), middle + 60)
    end = min(max(query.end, middle - 60), middle + 60)
    return replace(query, start=start, end=end)
