"""What holds for every event store, whichever backend it is."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from operator import attrgetter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqreen_mw.collector.events.base import (
    MAX_BARS,
    AcceptedBatch,
    Appended,
    Cursor,
    EventQuery,
    EventStore,
)
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.event import Event
from tests.collector.events.examples import (
    EVERYTHING,
    NOW,
    batch,
    batches,
    event,
    events,
    fill,
    matches,
    queries,
    walk,
)
from tests.support.strategies import events as any_event

NewStore = Callable[[], EventStore]

# Each example opens a store of its own, so the fixture may stay the same throughout.
thorough = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@thorough
@given(wanted=batches, limit=st.integers(1, 5))
def test_pages_hold_each_event_once_newest_first(
    new_store: NewStore, wanted: list[AcceptedBatch], limit: int
) -> None:
    """Walking the pages returns each event exactly once, by time and then by order of storing."""
    store = fill(new_store, wanted)

    found = walk(store, EVERYTHING, limit=limit)

    sent = {(one.app, e.id): e for one in reversed(wanted) for e in reversed(one.events)}
    assert {(s.app, s.event.id): s.event for s in found} == sent
    assert len(found) == len(sent)
    order = [(s.event.timestamp, s.seq) for s in found]
    assert order == sorted(order, reverse=True)


@thorough
@given(wanted=batches, query=queries, limit=st.integers(1, 5))
def test_finds_what_plain_python_finds(
    new_store: NewStore, wanted: list[AcceptedBatch], query: EventQuery, limit: int
) -> None:
    """A query returns the events for which all of its filters hold, and no others."""
    store = fill(new_store, wanted)
    everything = walk(store, EVERYTHING, limit=100)

    found = walk(store, query, limit=limit)

    assert found == [stored for stored in everything if matches(query, stored)]


@thorough
@given(wanted=batches, query=queries, seq=st.integers(0, 10), limit=st.integers(1, 30))
def test_since_goes_by_the_order_of_storing(
    new_store: NewStore,
    *,
    wanted: list[AcceptedBatch],
    query: EventQuery,
    seq: int,
    limit: int,
) -> None:
    """What was stored after a number comes in the order of storing, whenever it happened."""
    store = fill(new_store, wanted)
    everything = sorted(walk(store, EVERYTHING, limit=100), key=attrgetter("seq"))

    found = store.since(query, seq=seq, limit=limit)

    newer = [s for s in everything if s.seq > seq and matches(query, s, at_any_time=True)]
    assert list(found) == newer[:limit]


@thorough
@given(wanted=batches, query=queries, interval=st.integers(1, 50))
def test_histogram_adds_up_to_the_pages(
    new_store: NewStore, wanted: list[AcceptedBatch], query: EventQuery, interval: int
) -> None:
    """Each interval counts the events of its pages; empty ones are 0."""
    store = fill(new_store, wanted)
    narrow = _narrowed(query)

    histogram = store.histogram(narrow, interval=interval)

    found = walk(store, narrow, limit=100)
    assert histogram.total == len(found)
    assert histogram.start == narrow.start // interval * interval
    for bar, count in enumerate(histogram.counts):
        start = histogram.start + bar * interval
        assert count == sum(start <= s.event.timestamp < start + interval for s in found)


@thorough
@given(first=st.lists(events, max_size=5), second=st.lists(events, max_size=5))
def test_duplicates_change_nothing(
    new_store: NewStore, first: list[Event], second: list[Event]
) -> None:
    """An event that is sent again, in the same batch or a later one, is counted and left out."""
    store = new_store()
    store.append(batch(first))
    before = walk(store, EVERYTHING, limit=100)

    appended = store.append(batch([*second, *first, *second]))

    new = {e.id for e in second} - {e.id for e in first}
    total = len(first) + 2 * len(second)
    assert appended == Appended(len(new), total - len(new), store.last_seq())
    after = walk(store, EVERYTHING, limit=100)
    assert [s for s in after if s.event.id not in new] == before
    assert len(after) == len(before) + len(new)


def test_an_id_is_unique_in_its_app_only(store: EventStore) -> None:
    """Two apps may have events of the same id; each finds its own."""
    one = event()
    store.append(batch([one], app="shop"))

    appended = store.append(batch([one], app="bank"))

    assert (appended.accepted, appended.duplicates) == (1, 0)
    shop, bank = store.get("shop", one.id), store.get("bank", one.id)
    assert shop is not None
    assert bank is not None
    assert (shop.app, bank.app) == ("shop", "bank")


def test_keeps_everything_of_an_event(store: EventStore) -> None:
    """A stored event comes back as it was sent, with its app, environment, release and receipt."""
    one = event(ip="203.0.113.7")
    store.append(batch([one], env="test"))

    stored = store.get("shop", one.id)

    assert stored is not None
    assert stored.event == one
    assert (stored.seq, stored.env, stored.release) == (1, "test", "1.0")
    assert stored.received_at == NOW


@thorough
@given(one=any_event)
def test_keeps_any_event(new_store: NewStore, one: Event) -> None:
    """Whatever an event may hold comes back, and is found by its name and its users."""
    store = fill(new_store, [batch([one])])

    users = map(str, one.user_identifiers.values())
    for query in (EVERYTHING, *(replace(EVERYTHING, user=user) for user in users)):
        assert [stored.event for stored in store.page(query).events] == [one]
    if "*" not in one.name:
        assert store.page(replace(EVERYTHING, name=one.name)).events


@pytest.mark.parametrize("unknown", ["nix", "", "0190163d-8694-739b-aea5-966c26f8ad91"])
def test_an_unknown_id_is_none(store: EventStore, unknown: str) -> None:
    """An id that is not stored, or none at all, is not found."""
    store.append(batch([event()]))

    assert store.get("shop", unknown) is None


def test_numbers_grow_from_one(store: EventStore) -> None:
    """The sequence starts at 0 for an empty store and grows by one with each event."""
    assert store.last_seq() == 0

    appended = [store.append(batch([event(), event()])).seq, store.append(batch([event()])).seq]

    assert appended == [2, 3]
    assert store.last_seq() == 3


def test_an_empty_batch_changes_nothing(store: EventStore) -> None:
    """A batch without events is accepted as what it is."""
    assert store.append(batch([])) == Appended(0, 0, 0)


def test_refuses_too_many_bars(store: EventStore) -> None:
    """A histogram of more intervals than are counted says what to do."""
    with pytest.raises(StoreError, match="longer intervals"):
        store.histogram(EventQuery(start=0, end=MAX_BARS + 1), interval=1)


def test_a_full_last_page_has_no_next(store: EventStore) -> None:
    """A page that ends with the last event knows that there is no other."""
    store.append(batch([event(at=1), event(at=2)]))

    assert store.page(EVERYTHING, limit=2).next is None
    assert store.page(EVERYTHING, limit=1).next == Cursor(2, 2)


def test_writers_and_readers_at_once(store: EventStore) -> None:
    """Many threads lose nothing, double nothing, and never see half a batch."""

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


def test_is_writable_until_closed(store: EventStore) -> None:
    """The check of writing passes on an open store; a closed one refuses everything."""
    store.check_writable()
    store.close()

    for call in (store.check_writable, store.last_seq, lambda: store.append(batch([event()]))):
        with pytest.raises(StoreError):
            call()


def _seqs(store: EventStore) -> Sequence[int]:
    return [stored.seq for stored in walk(store, EVERYTHING, limit=77)]


def _narrowed(query: EventQuery) -> EventQuery:
    # Around one of the two times at which there are events, else the bars would be too many.
    middle = NOW if query.start >= NOW - 20 else 0
    start = min(max(query.start, middle - 60), middle + 60)
    end = min(max(query.end, middle - 60), middle + 60)
    filters = {name: getattr(query, name) for name in ("app", "env", "name", "ip", "user", "text")}
    return EventQuery(start=start, end=end, **filters)
