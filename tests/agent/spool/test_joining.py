from collections.abc import Callable
from pathlib import Path

from sqreen_mw.agent.delivery.batch import BATCH_BYTES, Batch
from tests.agent.spool.process import Process

New = Callable[..., Process]


def deliver(process: Process) -> list[Batch]:
    """Send what the spool has until it has no more, and return it."""
    sent: list[Batch] = []
    while (batch := process.joining.next_batch()) is not None:
        sent.append(batch)
        process.joining.ack(batch)
        process.buffer.delivered(len(batch))
    return sent


def events(batches: list[Batch]) -> list[bytes]:
    """Return the events of batches."""
    return [bytes(event) for batch in batches for event in batch.envelope.events]


def test_small_batches_travel_together(process: New, folder: Path) -> None:
    """What was written in small batches, to any number of files, is sent in batches of 500."""
    one = process()
    stowed = [one.batch_of(40) for _ in range(30)]
    assert all(one.joining.persist(batch) for batch in stowed[::2])
    assert all(one.joining.requeue(batch) for batch in stowed)

    sent = deliver(one)

    assert [len(batch) for batch in sent] == [480, 480, 240]
    assert events(sent) == events(stowed)
    assert {batch.envelope.instance_id for batch in sent} == {"one"}
    assert (one.stats.delivered, one.stats.waiting) == (1200, 0)
    assert not list(folder.glob("*.segment"))


def test_a_joined_batch_stays_below_the_wire_limit(process: New) -> None:
    """Large events make a batch of at most 1 MiB."""
    one = process()
    for _ in range(6):
        assert one.joining.requeue(one.batch_of(3, padding=100_000))

    sent = deliver(one)

    assert [len(batch) for batch in sent] == [9, 9]
    assert max(len(batch.body) for batch in sent) <= BATCH_BYTES


def test_what_is_sent_alone_keeps_its_id_and_bytes(process: New) -> None:
    """A batch with no other beside it is the one that it was."""
    one = process()
    batch = one.batch_of(2)
    assert one.joining.requeue(batch)

    assert [(sent.id, sent.body) for sent in deliver(one)] == [(batch.id, batch.body)]


def test_only_what_one_process_tracked_is_joined(process: New) -> None:
    """A batch says which process its events are of, so those of two are not mixed."""
    one = process()
    for instance in "aabba":
        assert one.joining.requeue(one.batch_of(1, instance_id=instance))

    sent = deliver(one)

    told = [(batch.envelope.instance_id, len(batch)) for batch in sent]
    assert told == [("a", 2), ("b", 2), ("a", 1)]


def test_a_joined_batch_that_fails_goes_back(process: New, folder: Path) -> None:
    """Its parts lie where they were, and are sent with what came meanwhile, once."""
    one = process()
    for _ in range(3):
        assert one.joining.requeue(one.batch_of(2))
    taken = one.joining.next_batch()
    assert taken is not None
    assert one.joining.contains(taken)
    assert one.joining.persist(taken)
    assert one.joining.requeue(one.batch_of(1))
    assert len(list(folder.glob("*.segment"))) == 2

    assert one.joining.requeue(taken)

    assert one.stats.spooled == 7
    assert [len(batch) for batch in deliver(one)] == [7]
    assert one.stats.dropped == {}


def test_what_does_not_fit_any_more_is_not_lost(process: New) -> None:
    """A batch that was left for the next one is sent again after one that failed, and once."""
    one = process()
    for _ in range(3):
        assert one.joining.requeue(one.batch_of(200))
    taken = one.joining.next_batch()
    assert taken is not None
    assert len(taken) == 400
    assert one.joining.requeue(taken)

    assert [len(batch) for batch in deliver(one)] == [400, 200]
    assert one.stats.dropped == {}


def test_a_joined_batch_that_is_too_large_is_replaced(process: New, folder: Path) -> None:
    """Its halves lie on disk alone before its parts go."""
    one = process()
    for _ in range(3):
        assert one.joining.requeue(one.batch_of(2))
    taken = one.joining.next_batch()
    assert taken is not None
    halves = taken.halves()

    one.joining.replace(taken, halves)

    assert len(list(folder.glob("*.segment"))) == 2
    for half in halves:
        assert one.joining.requeue(half)
    assert [len(batch) for batch in deliver(one)] == [6]
    assert one.stats.dropped == {}


def test_the_next_process_joins_what_was_left(process: New) -> None:
    """What a process left in small batches, its successor sends in large ones."""
    one = process()
    for _ in range(4):
        assert one.joining.requeue(one.batch_of(1))
    one.joining.close()
    two = process()

    assert [len(batch) for batch in deliver(two)] == [4]
    assert two.stats.replayed == 4
