import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sqreen_mw.agent.delivery import queue as queue_module
from sqreen_mw.agent.delivery.spool.sqlite_spool import SCAN_SECONDS, Clocks
from tests.agent.spool.instance import FakeTime, Instance, events
from tests.support.spool_files import size_of, stored_batches
from tests.support.waiting import PATIENCE

New = Callable[..., Instance]
PADDING = 50_000
MIB = 2**20


def test_sends_its_own_events_in_order(instance: New) -> None:
    """The process that stored events sends them, oldest first."""
    one = instance()
    stored = [one.store("a", "b"), one.store("c")]
    assert (one.stats.waiting, one.stats.spooled) == (3, 3)

    sent = one.deliver()

    assert events(*sent) == events(*stored)
    assert (one.stats.tracked, one.stats.delivered, one.stats.spooled) == (3, 3, 0)
    assert one.stats.replayed == 0


def test_single_batch_keeps_its_id_and_bytes(instance: New) -> None:
    """A batch that is not merged is sent with its old id and bytes."""
    one = instance()
    stored = one.store("a", "b")

    [sent] = one.deliver()

    assert (sent.id, sent.body) == (stored.id, stored.body)


def test_files_are_private(instance: New, folder: Path) -> None:
    """The directory and its files belong to their owner only."""
    one = instance()
    one.store("a")

    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}

    assert (modes, stat.S_IMODE(folder.stat().st_mode)) == ({0o600}, 0o700)


def test_creates_no_file_before_the_first_batch(instance: New, folder: Path) -> None:
    """A process that stores nothing writes nothing."""
    one = instance()

    assert one.deliver() == []
    one.spool.close()

    assert list(folder.iterdir()) == []


def test_later_process_sends_what_was_left(instance: New, folder: Path) -> None:
    """The next process sends the events of an ended one and counts them as replayed."""
    one = instance()
    stored = [one.store("a", "b"), one.store("c")]
    one.spool.close()
    two = instance()

    assert events(*two.deliver()) == events(*stored)
    assert (two.stats.tracked, two.stats.replayed, two.stats.delivered) == (0, 3, 3)
    assert stored_batches(folder) == 0


def test_sends_what_many_processes_left(instance: New, folder: Path) -> None:
    """All that was left is sent without waiting for the next scan."""
    left = []
    for _ in range(30):
        one = instance()
        left += events(one.store("a"))
        one.spool.close()
    two = instance()

    assert sorted(events(*two.deliver())) == sorted(left)
    assert two.stats.replayed == 30
    assert stored_batches(folder) == 0


def test_does_not_send_for_a_living_process(instance: New) -> None:
    """While a process lives, its events are its own."""
    one, two = instance(), instance()
    one.store("a")

    assert two.deliver() == []
    assert len(one.deliver()) == 1


def test_looks_for_ended_processes_once_a_minute(instance: New, clock: FakeTime) -> None:
    """Events that another process leaves later are found without a restart."""
    one, two = instance(), instance()
    one.store("a")
    assert two.deliver() == []
    one.spool.close()

    assert two.spool.next_batch_at == clock.now + SCAN_SECONDS
    clock.now += SCAN_SECONDS

    assert len(two.deliver()) == 1


def test_leaves_other_apps_alone(instance: New) -> None:
    """Two apps may share a directory; neither sends the other's events."""
    one, two = instance(app="shop"), instance(app="bank")
    one.store("a")
    one.spool.close()

    assert two.deliver() == []
    assert len(instance(app="shop").deliver()) == 1


def test_batch_being_sent_stays_in_the_spool(instance: New) -> None:
    """A batch counts as spooled until it is acknowledged."""
    one = instance()
    one.store("a", "b")
    persisted = one.batch("c")
    assert one.spool.persist(persisted)
    one.next_batch()
    assert (one.stats.spooled, one.queue.waiting) == (3, 0)

    one.spool.ack(persisted)

    assert (one.stats.spooled, one.queue.waiting) == (2, 1)


def test_exit_loses_only_what_is_in_memory(instance: New) -> None:
    """Batches in the spool that are being sent at the exit are left to the next process."""
    one = instance()
    stored, persisted = one.store("a", "b"), one.batch("c")
    one.next_batch()
    assert one.spool.persist(persisted)
    one.batch("d")

    assert one.queue.abandon("exit") == 1

    assert (one.stats.spooled, one.stats.waiting, one.stats.dropped) == (3, 3, {"exit": 1})
    one.spool.close()
    assert events(*instance().deliver()) == events(stored, persisted)


def test_stores_nothing_after_the_exit(instance: New, folder: Path) -> None:
    """A thread that wakes up late does not store events that were counted as lost."""
    one = instance()
    persisted, other = one.batch("a"), one.batch("b")
    assert one.queue.abandon("exit") == 2

    assert not one.spool.persist(persisted)
    assert not one.spool.requeue(other)

    assert list(folder.iterdir()) == []
    assert one.stats.dropped == {"exit": 2}


def test_late_answer_leaves_the_batch_to_the_next_process(instance: New) -> None:
    """An answer after the exit deletes nothing that is counted as waiting."""
    one = instance()
    stored = one.store("a")
    sent = one.next_batch()
    one.queue.abandon("exit")

    one.ack(sent)

    one.spool.close()
    assert (one.stats.waiting, one.stats.delivered) == (1, 0)
    assert events(*instance().deliver()) == events(stored)


def test_exit_waits_for_a_write(instance: New, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit and a write of another thread happen one after the other."""
    monkeypatch.setattr(queue_module, "SPOOL_LOCK_SECONDS", PATIENCE)
    one = instance()
    batch = one.batch("a")
    thread = threading.Thread(target=one.queue.abandon, args=("exit",))
    with one.queue.spool_lock:
        thread.start()
        assert one.spool.requeue(batch)
    thread.join()

    assert (one.stats.spooled, one.stats.dropped) == (1, {})


def test_exit_during_a_write_stores_nothing(folder: Path) -> None:
    """Events of a write that is not committed yet are lost at the exit, and not stored as well."""

    class Exiting(FakeTime):
        """A clock that is read while a batch is written, when the process exits."""

        def __call__(self) -> float:
            thread = threading.Thread(target=one.queue.abandon, args=("exit",))
            thread.start()
            thread.join()
            return self.now

        @property
        def clocks(self) -> Clocks:
            """The clocks of a spool."""
            return Clocks(wall=self, monotonic=lambda: self.now)

    one = Instance(folder, clock=Exiting())

    assert not one.spool.requeue(one.batch("a"))

    one.spool.close()
    assert (one.stats.spooled, one.stats.dropped) == (0, {"exit": 1})
    assert stored_batches(folder) == 0


def test_failed_batch_is_sent_again_alone(instance: New, folder: Path) -> None:
    """A batch that can't be sent stays in the spool; those before it are not sent again."""
    one = instance()
    one.store("a")
    one.ack(one.next_batch())
    second = one.store("b")
    failed = one.next_batch()
    assert (one.stats.waiting, one.stats.spooled) == (1, 1)

    assert one.spool.requeue(failed)

    assert (one.stats.waiting, one.stats.spooled) == (1, 1)
    assert events(*one.deliver()) == events(second)
    assert stored_batches(folder) == 0


def test_each_process_leaves_what_it_did_not_send(instance: New, folder: Path) -> None:
    """Batches without an answer are claimed by the next process, and by the one after it."""
    one = instance()
    stored = [one.store("x", padding=600_000) for _ in range(3)]
    one.spool.close()
    several = [instance(), instance()]
    for two in several:
        two.ack(two.next_batch())
        two.next_batch()
        two.spool.close()
    two = several[-1]
    assert (two.stats.replayed, two.stats.delivered, two.stats.spooled) == (2, 1, 1)

    three = instance()

    assert events(*three.deliver()) == events(stored[2])
    assert three.stats.replayed == 1
    assert stored_batches(folder) == 0


def test_persisted_batch_is_deleted_with_the_answer(instance: New, folder: Path) -> None:
    """A batch that is being sent is stored once and deleted when it is acknowledged."""
    one = instance()
    persisted, other = one.batch("a"), one.batch("b")
    assert one.spool.persist(persisted)
    assert one.spool.persist(persisted)
    assert one.spool.requeue(other)
    assert (one.stats.waiting, one.stats.spooled, stored_batches(folder)) == (2, 2, 2)

    one.ack(persisted)

    assert stored_batches(folder) == 1
    assert events(*one.deliver()) == events(other)


def test_persisted_batch_is_not_stored_twice(instance: New, folder: Path) -> None:
    """A batch that was persisted and could not be sent is in the spool once."""
    one = instance()
    persisted = one.batch("a")
    assert one.spool.persist(persisted)
    assert one.spool.requeue(persisted)
    assert (one.stats.spooled, stored_batches(folder)) == (1, 1)
    one.spool.close()

    assert [batch.id for batch in instance().deliver()] == [persisted.id]


def test_oldest_batches_go_when_the_spool_is_full(
    instance: New, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The files never exceed the size; evicted events are counted and logged."""
    one = instance(size=MIB)
    stored = []
    for number in range(60):
        stored.append(one.store(str(number), padding=PADDING))
        assert size_of(folder) <= MIB

    lost = one.stats.dropped["spool_full"]
    assert 38 <= lost <= 44
    assert events(*one.deliver()) == events(*stored[lost:])
    assert (
        "events are lost, spool_full: the spool is full and the oldest events go first"
        in caplog.text
    )


def test_empty_spool_gives_its_space_back(instance: New, folder: Path) -> None:
    """The database of a large backlog is small again once all is delivered."""
    one = instance()
    for number in range(100):
        one.store(str(number), padding=PADDING)
    assert size_of(folder) > 4 * MIB

    one.deliver()

    assert size_of(folder) < MIB // 4


def test_batch_evicted_while_it_was_sent_is_lost_if_that_fails(instance: New) -> None:
    """An evicted batch that could not be sent is not stored again as a new one."""
    one = instance(size=MIB)
    oldest = one.store("oldest", padding=PADDING)
    failed = one.next_batch()
    for number in range(30):
        one.store(str(number), padding=PADDING)
    assert one.spool.contains(failed)
    before = one.stats.dropped["spool_full"]

    assert one.spool.requeue(failed)

    assert one.stats.dropped["spool_full"] == before + 1
    assert events(oldest)[0] not in events(*one.deliver())


def test_batch_evicted_while_it_was_sent_is_delivered(instance: New) -> None:
    """An evicted batch that the collector took is not counted as lost."""
    one = instance(size=MIB)
    one.store("oldest", padding=PADDING)
    sent = one.next_batch()
    stored = [one.store(str(number), padding=PADDING) for number in range(30)]

    one.ack(sent)

    kept = len(events(*one.deliver()))
    assert one.stats.delivered == kept + 1
    assert one.stats.dropped == {"spool_full": len(stored) - kept}


def test_batch_evicted_while_it_was_sent_is_lost_if_the_process_ends(
    instance: New, clock: FakeTime
) -> None:
    """An evicted batch whose answer never came is counted at the end."""
    one = instance()
    one.store("a")
    one.next_batch()
    clock.now += 3601
    assert one.deliver() == []

    one.spool.close()

    assert one.stats.dropped == {"spool_expired": 1}


def test_living_process_counts_what_others_evict(instance: New, folder: Path) -> None:
    """Batches of any process are evicted; each event is counted once, by its owner."""
    one, two = instance(size=MIB), instance(size=MIB)
    for number in range(10):
        one.store(str(number), padding=PADDING)
    for number in range(15):
        two.store(str(number), padding=PADDING)
    assert size_of(folder) <= MIB

    kept = len(events(*one.deliver(), *two.deliver()))

    assert one.stats.dropped == {"spool_full": 25 - kept}
    assert two.stats.dropped == {}


def test_evicted_events_of_an_ended_process_are_counted(instance: New) -> None:
    """Events of an ended process are evicted first, and counted as replayed and dropped."""
    one = instance(size=MIB)
    for number in range(10):
        one.store(str(number), padding=PADDING)
    one.spool.close()
    two = instance(size=MIB)
    for number in range(15):
        two.store(str(number), padding=PADDING)

    lost = two.stats.dropped["spool_full"]
    assert two.stats.replayed == lost
    assert len(events(*two.deliver())) == 25 - lost


def test_eviction_is_counted_after_the_owner_has_ended(instance: New) -> None:
    """Events of a process that ended before it could count them are counted by the next one."""
    one, two = instance(size=MIB), instance(size=MIB)
    one.store("a", padding=PADDING)
    for number in range(20):
        two.store(str(number), padding=PADDING)
    two.deliver()
    one.spool.close()

    three = instance()

    assert three.deliver() == []
    assert (three.stats.replayed, three.stats.dropped) == (1, {"spool_full": 1})


@pytest.mark.parametrize("is_own", [True, False])
def test_expired_events_go(instance: New, clock: FakeTime, *, is_own: bool) -> None:
    """Events that are too old are counted as expired, even if nothing is written."""
    one = instance()
    one.store("a", "b")
    if not is_own:
        one.spool.close()
        one = instance()
    clock.now += 3601

    assert one.deliver() == []
    assert one.stats.dropped == {"spool_expired": 2}


def test_events_are_kept_until_they_expire(instance: New, clock: FakeTime) -> None:
    """Events that are as old as the limit are sent."""
    one = instance()
    one.store("a")
    clock.now += 3600

    assert len(one.deliver()) == 1
