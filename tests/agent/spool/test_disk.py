import errno
import os
import re
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sqreen_mw.agent.delivery import queue as queue_module
from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.spool import reader as reader_module
from sqreen_mw.agent.delivery.spool.desks import MOST
from sqreen_mw.errors import ConfigurationError
from tests.agent.spool.process import Process
from tests.support.waiting import PATIENCE

New = Callable[..., Process]
PADDING = 50_000
NOBODY = 65534


def ids(batches: list[Batch]) -> list[str]:
    """Return the ids of batches."""
    return [batch.id for batch in batches]


def size_of(folder: Path) -> int:
    """Return the bytes of all files of a spool."""
    return sum(path.stat().st_size for path in folder.iterdir())


def locks_held(folder: Path) -> int:
    """Return how many descriptors of this process are locks of a spool."""
    held = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            held += bool(re.match(rf"{folder}/.*\.lock", str(descriptor.readlink())))
    return held


def refuse(_: int, name: str) -> None:
    """Delete nothing."""
    raise PermissionError(errno.EACCES, "Permission denied", name)


def test_a_batch_comes_back_as_it_was(process: New) -> None:
    """The process that spooled sends its own batches again, in order, by id and byte for byte."""
    one = process()
    stowed = [one.stow("a", "b"), one.stow("c")]
    assert (one.stats.waiting, one.stats.spooled) == (3, 3)

    sent = one.deliver()

    assert [(batch.id, batch.body) for batch in sent] == [(b.id, b.body) for b in stowed]
    assert (one.stats.tracked, one.stats.delivered, one.stats.spooled) == (3, 3, 0)
    assert one.stats.replayed == 0


def test_files_are_private_and_go(process: New, folder: Path) -> None:
    """The directory and its files are their owner's only, and nothing stays behind."""
    one = process()
    one.stow("a")

    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert (modes, stat.S_IMODE(folder.stat().st_mode)) == ({0o600}, 0o700)
    assert any(f"-{os.getpid()}." in path.name for path in folder.iterdir())

    one.deliver()
    one.spool.close()
    assert list(folder.iterdir()) == []


def test_a_later_process_takes_over(process: New, folder: Path) -> None:
    """What one process left, the next sends, with its ids, and counts as replayed."""
    one = process()
    stowed = [one.stow("a", "b"), one.stow("c")]
    one.spool.close()
    two = process()

    assert ids(two.deliver()) == ids(stowed)
    assert (two.stats.tracked, two.stats.replayed, two.stats.delivered) == (0, 3, 3)
    two.spool.close()
    assert list(folder.iterdir()) == []


def test_what_many_processes_left_takes_few_descriptors(process: New, folder: Path) -> None:
    """Desks are taken over a few at a time, until all that was left is sent."""
    left = []
    for _ in range(30):
        one = process()
        left.append(one.stow("a").id)
        one.spool.close()
    two = process()

    held, sent = 0, []
    while (batch := two.spool.next_batch()) is not None:
        held = max(held, locks_held(folder))
        sent.append(batch.id)
        two.spool.ack(batch)
        two.buffer.delivered(1)

    assert sorted(sent) == sorted(left)
    assert 1 < held <= MOST
    two.spool.close()
    assert (two.stats.replayed, locks_held(folder)) == (30, 0)
    assert list(folder.iterdir()) == []


def test_what_cant_be_deleted_is_not_sent_over_and_over(
    process: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no segment can be deleted, no others are taken over, and none comes twice in a row."""
    for _ in range(MOST + 1):
        one = process()
        one.stow("a")
        one.spool.close()
    monkeypatch.setattr(reader_module, "remove", refuse)

    assert len(process().deliver()) == MOST


def test_room_that_many_processes_left_takes_no_descriptor(process: New, folder: Path) -> None:
    """Where the oldest go for room, their desks are not kept."""
    for _ in range(30):
        one = process()
        one.stow("a", padding=PADDING)
        one.spool.close()
    two = process(size=2**20)
    two.stow("b", padding=PADDING)

    assert two.stats.dropped["spool_full"] >= 10
    assert locks_held(folder) == 1


def test_nobody_takes_from_a_process_that_lives(process: New) -> None:
    """A segment whose writer works on is the writer's."""
    one, two = process(), process()
    one.stow("a")

    assert two.deliver() == []
    assert len(one.deliver()) == 1


@pytest.mark.parametrize("writes", [True, False])
def test_a_lock_that_is_deleted_is_made_anew(
    process: New, folder: Path, monkeypatch: pytest.MonkeyPatch, *, writes: bool
) -> None:
    """Where somebody tidied, the process keeps its events to itself again, once it looks there."""
    monkeypatch.setattr(reader_module, "SCAN_SECONDS", 0.0)
    one, two = process(), process()
    left = [one.stow("a").id]
    [lock] = folder.glob("*.lock")
    lock.unlink()
    if writes:
        left.append(one.stow("b").id)
    else:
        taken = one.spool.next_batch()
        assert taken is not None
        assert one.spool.requeue(taken)

    assert two.deliver() == []
    assert ids(one.deliver()) == left


def test_a_desk_that_another_process_took_is_not_written_to(process: New, folder: Path) -> None:
    """Where the lock was deleted, and a process took what it found, the writer goes elsewhere."""
    one, two = process(), process()
    first = one.stow("a")
    [lock] = folder.glob("*.lock")
    lock.unlink()
    taken = two.spool.next_batch()
    assert taken is not None
    assert taken.id == first.id
    second = one.stow("b")

    two.spool.ack(taken)
    two.buffer.delivered(1)
    assert two.deliver() == []
    assert ids(one.deliver()) == [second.id]


def test_another_apps_segments_are_left_alone(process: New) -> None:
    """Two apps may share a directory: none sends the other's events."""
    one, two = process(owner="shop"), process(owner="bank")
    one.stow("a")
    one.spool.close()

    assert two.deliver() == []
    assert len(process(owner="shop").deliver()) == 1


def test_what_is_being_sent_still_lies_there(process: New) -> None:
    """A batch of the spool counts as spooled until it is settled, and so does one held there."""
    one = process()
    one.stow("a", "b")
    held = one.batch("c")
    assert one.spool.persist(held)
    assert one.spool.next_batch() is not None
    assert (one.stats.spooled, one.buffer.waiting) == (3, 0)

    one.spool.ack(held)
    assert (one.stats.spooled, one.buffer.waiting) == (2, 1)


def test_what_lies_on_disk_at_the_end_is_not_lost(process: New) -> None:
    """What is being sent when the process gives up is left to the next one, and counted so."""
    one = process()
    stowed, held = one.stow("a", "b"), one.batch("c")
    assert one.spool.next_batch() is not None
    assert one.spool.persist(held)
    one.batch("d")

    assert one.buffer.abandon("exit") == 1

    assert (one.stats.spooled, one.stats.waiting, one.stats.dropped) == (3, 3, {"exit": 1})
    one.spool.close()
    assert ids(process().deliver()) == [stowed.id, held.id]


def test_what_is_given_up_is_not_written_later(process: New, folder: Path) -> None:
    """A thread that wakes after the end writes nothing that was counted as lost."""
    one = process()
    held, other = one.batch("a"), one.batch("b")
    assert one.buffer.abandon("exit") == 2

    assert not one.spool.persist(held)
    assert not one.spool.requeue(other)

    assert list(folder.iterdir()) == []
    assert one.stats.dropped == {"exit": 2}


def test_what_is_being_written_at_the_end_is_waited_for(
    process: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end and a write on another thread come one after the other."""
    monkeypatch.setattr(queue_module, "KEEPING_SECONDS", PATIENCE)
    one = process()
    batch = one.batch("a")
    ended = threading.Event()

    def end() -> None:
        one.buffer.abandon("exit")
        ended.set()

    thread = threading.Thread(target=end)
    with one.buffer.keeping:
        thread.start()
        assert one.spool.requeue(batch)
    thread.join()

    assert ended.is_set()
    assert (one.stats.spooled, one.stats.dropped) == (1, {})


def test_what_is_not_settled_is_sent_again(process: New, folder: Path) -> None:
    """A batch that can't be sent stays where it is, and those before it are not sent again."""
    one = process()
    first, second, third = one.stow("a"), one.stow("b"), one.stow("c")
    taken = one.spool.next_batch()
    assert taken is not None
    one.spool.ack(taken)
    one.buffer.delivered(1)
    taken = one.spool.next_batch()
    assert taken is not None
    assert (one.stats.waiting, one.stats.spooled) == (2, 2)

    assert one.spool.requeue(taken)

    assert one.stats.spooled == 2
    assert first.id not in (sent := ids(one.deliver()))
    assert sent == [second.id, third.id]
    assert not [path for path in folder.iterdir() if path.suffix == ".segment"]


def test_a_process_that_ends_while_it_replays_lets_go(process: New, folder: Path) -> None:
    """What is not settled is taken over by the next one, and by the one after that; no more."""
    one = process()
    stowed = [one.stow("a"), one.stow("b"), one.stow("c")]
    one.spool.close()
    several = [process(), process()]
    for two in several:
        taken = two.spool.next_batch()
        assert taken is not None
        two.spool.ack(taken)
        two.buffer.delivered(1)
        two.spool.close()
    two = several[-1]
    assert (two.stats.replayed, two.stats.delivered, two.stats.spooled) == (2, 1, 1)

    three = process()
    assert ids(three.deliver()) == ids(stowed[2:])
    assert three.stats.replayed == 1
    three.spool.close()
    assert list(folder.iterdir()) == []


def test_a_batch_is_held_while_it_is_sent(process: New, folder: Path) -> None:
    """What is being sent lies on disk alone, counts as spooled, and goes with the answer."""
    one = process()
    held, other = one.batch("a"), one.batch("b")
    assert one.spool.persist(held)
    assert one.spool.persist(held)
    assert one.spool.requeue(other)
    assert (one.stats.waiting, one.stats.spooled) == (2, 2)
    assert len(list(folder.glob("*.segment"))) == 2

    one.spool.ack(held)
    one.buffer.delivered(1)

    assert len(list(folder.glob("*.segment"))) == 1
    assert ids(one.deliver()) == [other.id]


def test_a_held_batch_stays_where_it_is(process: New, folder: Path) -> None:
    """What was held and could not be sent is not written twice."""
    one = process()
    held = one.batch("a")
    assert one.spool.persist(held)
    assert one.spool.requeue(held)
    assert one.stats.spooled == 1
    assert len(list(folder.glob("*.segment"))) == 1
    one.spool.close()

    assert ids(process().deliver()) == [held.id]


def test_the_oldest_go_where_the_bound_is_reached(
    process: New, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The spool never holds more than its bytes; what goes is counted, and said."""
    bound = 2**20
    one = process(size=bound)
    stowed = []
    for number in range(60):
        stowed.append(one.stow(str(number), padding=PADDING))
        assert size_of(folder) <= bound

    lost = one.stats.dropped["spool_full"]
    assert 38 <= lost <= 44
    assert ids(one.deliver()) == ids(stowed[lost:])
    assert "events are lost, spool_full: the spool takes no more" in caplog.text


def test_a_batch_that_made_room_while_it_was_sent_is_not_written_again(
    process: New, folder: Path
) -> None:
    """The oldest batch goes, though it was just being tried; it does not come back as a new one."""
    one = process(size=2**20)
    oldest = one.stow("oldest", padding=PADDING)
    taken = one.spool.next_batch()
    assert taken is not None
    for number in range(30):
        one.stow(str(number), padding=PADDING)
    assert one.spool.contains(taken)
    before = one.stats.dropped["spool_full"]

    assert one.spool.requeue(taken)

    assert one.stats.dropped["spool_full"] == before + 1
    assert oldest.id not in ids(one.deliver())
    assert not list(folder.glob("*.segment"))


def test_a_living_process_counts_what_others_remove(process: New, folder: Path) -> None:
    """Room is made from any process's segments, and each event is counted once."""
    bound = 2**20
    one, two = process(size=bound), process(size=bound)
    for number in range(10):
        one.stow(str(number), padding=PADDING)
    for number in range(15):
        two.stow(str(number), padding=PADDING)
    assert size_of(folder) <= bound

    kept = len(one.deliver()) + len(two.deliver())
    one.stow("last")

    assert one.stats.dropped["spool_full"] == 25 - kept
    assert "spool_full" not in two.stats.dropped
    assert one.stats.waiting == 1


def test_what_a_process_that_ended_loses_is_counted(process: New, folder: Path) -> None:
    """Segments of a process that has ended go first, as replayed and dropped."""
    bound = 2**20
    one = process(size=bound)
    for number in range(10):
        one.stow(str(number), padding=PADDING)
    one.spool.close()
    two = process(size=bound)
    for number in range(15):
        two.stow(str(number), padding=PADDING)

    lost = two.stats.dropped["spool_full"]
    assert two.stats.replayed == lost
    assert len(two.deliver()) == 25 - lost
    assert size_of(folder) == 0


def test_what_is_too_old_goes(process: New, folder: Path) -> None:
    """A segment that began before the age is deleted, and its events are counted."""
    one = process()
    one.stow("a", "b")
    one.spool.close()
    [segment] = folder.glob("*.segment")
    key, began, rest = segment.name.split("-", 2)
    segment.rename(folder / f"{key}-{int(began) - 3_600_001:013d}-{rest}")

    two = process()

    assert two.deliver() == []
    assert two.stats.dropped == {"spool_expired": 2}


def test_what_is_too_old_goes_where_nothing_is_written(process: New, folder: Path) -> None:
    """A quiet process gives its own events up as well, when it looks what there is to send."""
    one = process(age=0)
    one.stow("a")
    time.sleep(0.002)  # the age is over one millisecond later

    assert one.spool.next_batch() is None
    assert one.stats.dropped == {"spool_expired": 1}
    assert not list(folder.glob("*.segment"))


def test_a_cut_record_is_skipped_and_counted(
    process: New, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What a process wrote when it was killed is passed over; the batches before it are sent."""
    one = process()
    stowed = [one.stow("a"), one.stow("b")]
    one.spool.close()
    [segment] = folder.glob("*.segment")
    os.truncate(segment, segment.stat().st_size - 1)

    two = process()

    assert ids(two.deliver()) == ids(stowed[:1])
    assert two.stats.misuse == {"spool_damaged": 1}
    assert "a batch of the spool was cut short or changed" in caplog.text
    assert not segment.exists()


def test_damage_of_its_own_is_counted_to_the_event(process: New, folder: Path) -> None:
    """A process knows how many events it wrote, so it knows how many are gone."""
    one = process()
    one.stow("a")
    one.stow("b", "c")
    [segment] = folder.glob("*.segment")
    os.truncate(segment, segment.stat().st_size - 1)

    assert len(one.deliver()) == 1
    assert one.stats.dropped == {"spool_damaged": 2}


def test_a_record_of_another_form_is_damage(process: New, folder: Path) -> None:
    """A whole record that is no batch ends the reading of its segment."""
    one = process()
    one.stow("a")
    one.spool.close()
    [segment] = folder.glob("*.segment")
    segment.write_bytes(b"sqreen_mw spool 1\n" + bytes.fromhex("00000001 4e 2a 0e 7b 00"))

    two = process()

    assert two.deliver() == []
    assert two.stats.misuse == {"spool_damaged": 1}


def test_a_segment_that_vanishes_is_counted(process: New, folder: Path) -> None:
    """Where somebody else removed a segment, the process says what that cost."""
    one = process()
    one.stow("a", "b")
    [segment] = folder.glob("*.segment")
    segment.unlink()

    assert one.deliver() == []
    assert one.stats.dropped == {"spool_full": 2}


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_nothing_is_read_through_a_link_or_a_pipe(
    process: New, folder: Path, tmp_path: Path, kind: str
) -> None:
    """What is no file in a segment's place is removed unread, and nothing waits for it."""
    one = process()
    one.stow("a")
    one.spool.close()
    [segment] = folder.glob("*.segment")
    elsewhere = segment.rename(tmp_path / "elsewhere")
    if kind == "link":
        segment.symlink_to(elsewhere)
    else:
        os.mkfifo(segment)

    two = process()

    assert two.deliver() == []
    assert two.stats.misuse == {"spool_damaged": 1}
    assert elsewhere.exists()


def test_a_file_that_is_there_already_is_not_written_to(
    process: New, folder: Path, tmp_path: Path
) -> None:
    """A link in a lock's or a segment's place does not lead anybody's bytes elsewhere."""
    target = tmp_path / "target"
    target.write_bytes(b"")
    one = process()
    one.stow("a")
    [segment] = folder.glob("*.segment")
    segment.unlink()
    segment.symlink_to(target)

    assert not one.spool.requeue(one.batch("b"))
    assert target.read_bytes() == b""
    assert one.spool.requeue(one.batch("c"))


def test_a_directory_of_others_is_refused(folder: Path, tmp_path: Path) -> None:
    """Where other users could write, or a link leads, the app does not start."""
    folder.mkdir()
    folder.chmod(0o770)
    with pytest.raises(ConfigurationError, match="SQREEN_SPOOL_DIR is not safe, other users may"):
        Process(folder)
    folder.chmod(0o700)
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(ConfigurationError, match="it is a link, or no directory"):
        Process(link)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a directory away")
def test_root_uses_no_directory_of_another_user(
    process: New, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What its owner put there is not sent, and nothing is written; the app starts all the same."""
    left = process()
    left.stow("forged")
    left.spool.close()
    before = sorted(folder.iterdir())
    os.chown(folder, NOBODY, NOBODY)
    one = process()

    assert one.deliver() == []
    assert not one.spool.requeue(one.batch("a"))

    assert sorted(folder.iterdir()) == before
    assert "it is another user's: chown it" in caplog.text


def test_a_directory_that_turns_unsafe_is_left_alone(process: New, folder: Path) -> None:
    """The directory is looked at each time; events stay in memory until it is safe again."""
    one = process()
    folder.chmod(0o777)
    batch = one.batch("a")
    assert not one.spool.requeue(batch)
    folder.chmod(0o700)

    assert one.spool.requeue(batch)


def test_a_directory_that_is_deleted_is_made_again(process: New, folder: Path) -> None:
    """Where somebody tidied, the next batch is written all the same."""
    one = process()
    folder.rmdir()
    batch = one.stow("a")

    assert ids(one.deliver()) == [batch.id]


def test_a_disk_that_cant_be_had_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A directory that can't be made costs one line, and the events stay in memory."""
    one = Process(Path("/proc/sqreen/spool"))
    batch = one.batch("a")

    assert not one.spool.requeue(batch)
    assert not one.spool.persist(batch)
    assert one.spool.next_batch() is None
    one.spool.close()

    assert one.stats.waiting == 1
    assert len(caplog.messages) == 1
    assert caplog.messages[0].endswith("so events wait in memory only")


def test_processes_that_ended_are_looked_for_now_and_then(
    process: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process leaves later is found without a restart."""
    monkeypatch.setattr(reader_module, "SCAN_SECONDS", 0.0)
    one, two = process(), process()
    assert two.deliver() == []
    batch = one.stow("a")
    one.spool.close()

    assert ids(two.deliver()) == [batch.id]
