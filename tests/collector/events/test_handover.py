"""Committed events reach a consumer in memory, or it reads the store."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.collector.events.base import StoredEvent
from sqreen_mw.collector.events.handover import Handover
from sqreen_mw.collector.events.sqlite import SqliteEventStore
from tests.collector.events.examples import NOW, batch, event

DAY = 24 * 60 * 60 * 1000


def _stored(*seqs: int) -> list[StoredEvent]:
    one = event()
    return [
        StoredEvent(
            seq=seq,
            app="shop",
            env="prod",
            release=None,
            received_at=NOW,
            sent_at=None,
            imported=False,
            outcome=None,
            event=one,
        )
        for seq in seqs
    ]


def test_batches_are_taken_in_order() -> None:
    """Each batch is taken once, and only directly after the one before."""
    handover = Handover()
    handover.put(first := _stored(1, 2), size=10)
    handover.put(second := _stored(3), size=10)

    assert handover.take(after=0) == first
    assert handover.take(after=0) == ()
    assert handover.take(after=2) == second
    assert handover.take(after=3) == ()


def test_old_batches_are_dropped_first() -> None:
    """Above the limit the oldest batches go, and the gap sends the consumer to the store."""
    handover = Handover(max_bytes=100)
    for seq in range(1, 5):
        handover.put(_stored(seq), size=40)

    assert handover.take(after=0) == ()
    assert [one.seq for one in handover.take(after=2)] == [3]


def test_batch_above_the_limit_is_not_kept() -> None:
    """Memory stays bounded whatever a batch has."""
    handover = Handover(max_bytes=100)
    handover.put(_stored(1), size=101)
    handover.put(_stored(2), size=1)

    assert handover.take(after=0) == ()
    assert [one.seq for one in handover.take(after=1)] == [2]


def test_consumer_that_read_the_store_skips_its_batches() -> None:
    """Batches that the consumer has read from the store are dropped."""
    handover = Handover()
    for seqs in ((1, 2), (3, 4), (5,)):
        handover.put(_stored(*seqs), size=1)

    assert [one.seq for one in handover.take(after=4)] == [5]


@given(
    st.lists(st.integers(1, 5), max_size=20),
    st.integers(1, 30),
    st.lists(st.booleans(), max_size=60),
)
def test_consumer_gets_each_event_once(sizes: list[int], limit: int, turns: list[bool]) -> None:
    """From memory and from the store together, a consumer gets all events in order."""
    handover, log, got = Handover(max_bytes=limit), list[StoredEvent](), list[int]()
    for turn in [*turns, *[False] * 200]:
        if turn and sizes:
            size = sizes.pop()
            log += (new := _stored(*range(len(log) + 1, len(log) + 1 + size)))
            handover.put(new, size=size)
        else:
            after = got[-1] if got else 0
            got += [one.seq for one in handover.take(after=after) or log[after : after + 3]]

    assert got == list(range(1, len(log) + 1))


def test_store_hands_over_what_it_has_stored(tmp_path: Path) -> None:
    """The events in memory equal those of the store, in batches of several days too."""
    handover = Handover()
    store = SqliteEventStore(tmp_path / "events.db", handover=handover)
    known = event(at=NOW)
    store.append(batch([known]))
    store.append(batch([event(at=NOW), known, event(at=NOW - DAY, ip="203.0.113.7")]))
    store.append(batch([known]))

    taken = [one for after in range(3) for one in handover.take(after=after)]

    assert taken == list(store.consume(after=0, limit=9))
    assert len(taken) == 3
    assert handover.take(after=3) == ()
    store.close()
