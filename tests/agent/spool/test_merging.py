from collections.abc import Callable
from pathlib import Path

from sqreen_mw.agent.delivery.batch import BATCH_BYTES
from tests.agent.spool.instance import Instance, events
from tests.support.spool_files import stored_batches

New = Callable[..., Instance]


def test_small_batches_are_sent_as_one(instance: New, folder: Path) -> None:
    """Batches that were stored small are sent in batches of up to 500 events."""
    one = instance()
    stored = [one.batch_of(40) for _ in range(30)]
    assert all(one.spool.persist(batch) for batch in stored[::2])
    assert all(one.spool.requeue(batch) for batch in stored[::2])
    assert all(one.spool.requeue(batch) for batch in stored[1::2])

    sent = one.deliver()

    assert [len(batch) for batch in sent] == [480, 480, 240]
    assert sorted(events(*sent)) == sorted(events(*stored))
    assert {batch.envelope.instance_id for batch in sent} == {"one"}
    assert (one.stats.delivered, one.stats.waiting) == (1200, 0)
    assert stored_batches(folder) == 0


def test_merged_batch_stays_below_the_wire_limit(instance: New) -> None:
    """Large events make a batch of at most 1 MiB."""
    one = instance()
    for _ in range(6):
        assert one.spool.requeue(one.batch_of(3, padding=100_000))

    sent = one.deliver()

    assert [len(batch) for batch in sent] == [9, 9]
    assert max(len(batch.body) for batch in sent) <= BATCH_BYTES


def test_merges_events_of_one_instance_only(instance: New) -> None:
    """A batch names the instance of its events, so those of two instances are not merged."""
    one = instance()
    for instance_id in "aabba":
        assert one.spool.requeue(one.batch_of(1, instance_id=instance_id))

    sent = [(batch.envelope.instance_id, len(batch)) for batch in one.deliver()]

    assert sent == [("a", 2), ("b", 2), ("a", 1)]


def test_failed_merged_batch_is_sent_with_later_ones(instance: New, folder: Path) -> None:
    """The parts of a batch that can't be sent stay, and are sent again, once."""
    one = instance()
    for _ in range(3):
        assert one.spool.requeue(one.batch_of(2))
    failed = one.next_batch()
    assert one.spool.contains(failed)
    assert one.spool.persist(failed)
    assert one.spool.requeue(one.batch_of(1))
    assert stored_batches(folder) == 4

    assert one.spool.requeue(failed)

    assert one.stats.spooled == 7
    assert [len(batch) for batch in one.deliver()] == [7]
    assert one.stats.dropped == {}


def test_batch_that_does_not_fit_is_sent_next(instance: New) -> None:
    """A batch that was left for later is sent once, also after one that failed."""
    one = instance()
    for _ in range(3):
        assert one.spool.requeue(one.batch_of(200))
    failed = one.next_batch()
    assert len(failed) == 400
    assert one.spool.requeue(failed)

    assert [len(batch) for batch in one.deliver()] == [400, 200]
    assert one.stats.dropped == {}


def test_halves_replace_a_merged_batch(instance: New, folder: Path) -> None:
    """If a merged batch is too large for the collector, its halves take its place."""
    one = instance()
    for _ in range(3):
        assert one.spool.requeue(one.batch_of(2))
    halves = (too_large := one.next_batch()).halves()

    one.spool.replace(too_large, halves)

    assert stored_batches(folder) == 2
    for half in halves:
        assert one.spool.requeue(half)
    assert [len(batch) for batch in one.deliver()] == [6]
    assert one.stats.dropped == {}


def test_next_process_merges_what_was_left(instance: New) -> None:
    """Small batches of an ended process are sent as one."""
    one = instance()
    for _ in range(4):
        assert one.spool.requeue(one.batch_of(1))
    one.spool.close()
    two = instance()

    assert [len(batch) for batch in two.deliver()] == [4]
    assert two.stats.replayed == 4
