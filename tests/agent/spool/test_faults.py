"""Directories that are not safe, disks that fail, and files that are damaged or deleted."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.agent.delivery.spool.sqlite_spool import FAULT_SECONDS, SCAN_SECONDS
from sqreen_mw.errors import ConfigurationError
from tests.agent.spool.instance import FakeTime, Instance, events
from tests.support.spool_files import database_of, execute

New = Callable[..., Instance]
ANOTHER_USER = 65534


def test_refuses_a_directory_that_others_may_write_to(folder: Path, tmp_path: Path) -> None:
    """The app does not start if other users may write to the directory, or if it is a link."""
    folder.mkdir()
    folder.chmod(0o770)
    with pytest.raises(ConfigurationError, match="SQREEN_SPOOL_DIR is not safe, other users may"):
        Instance(folder)
    folder.chmod(0o700)
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(ConfigurationError, match="it is a link, or no directory"):
        Instance(link)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a directory away")
def test_root_does_not_use_the_directory_of_another_user(
    instance: New, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Root starts, but sends nothing from there and writes nothing."""
    one = instance()
    one.store("forged")
    one.spool.close()
    before = sorted(folder.iterdir())
    os.chown(folder, ANOTHER_USER, ANOTHER_USER)
    two = instance()

    assert two.deliver() == []
    assert not two.spool.requeue(two.batch("a"))

    assert sorted(folder.iterdir()) == before
    assert "another user owns it: chown it" in caplog.text


def test_checks_the_directory_each_time(instance: New, folder: Path) -> None:
    """Events stay in memory while the directory is not safe."""
    one = instance()
    batch = one.batch("a")
    folder.chmod(0o777)
    assert not one.spool.requeue(batch)
    folder.chmod(0o700)

    assert one.spool.requeue(batch)


def test_logs_one_line_for_a_series_of_errors(caplog: pytest.LogCaptureFixture) -> None:
    """A directory that can't be created costs one line, and the events stay in memory."""
    one = Instance(Path("/proc/sqreen/spool"))
    batch = one.batch("a")

    assert not one.spool.requeue(batch)
    assert not one.spool.persist(batch)
    assert one.spool.next_batch() is None
    one.spool.close()

    assert one.stats.waiting == 1
    assert len(caplog.messages) == 1
    assert caplog.messages[0].endswith("so events wait in memory only")


def test_reads_again_five_seconds_after_an_error(
    instance: New, folder: Path, clock: FakeTime
) -> None:
    """A spool that can't be read is left alone for a moment."""
    one = instance()
    one.store("a")
    folder.chmod(0o777)
    assert one.spool.next_batch() is None

    assert one.spool.next_batch_at == clock.now + FAULT_SECONDS
    folder.chmod(0o700)

    assert len(one.deliver()) == 1


def test_creates_a_deleted_directory_again(instance: New, folder: Path) -> None:
    """The next batch is stored all the same."""
    one = instance()
    folder.rmdir()
    stored = one.store("a")

    assert events(*one.deliver()) == events(stored)


def test_deleted_database_is_counted(instance: New, folder: Path) -> None:
    """Events that were deleted with the database are counted; new ones are stored."""
    one = instance()
    one.store("a", "b")
    database_of(folder).unlink()
    stored = one.store("c")

    assert events(*one.deliver()) == events(stored)
    assert one.stats.dropped == {"spool_damaged": 2}


def test_acknowledging_a_batch_of_a_deleted_database_deletes_no_other(
    instance: New, folder: Path
) -> None:
    """A new batch may have the place of one that was deleted with the database."""
    one = instance()
    one.store("a")
    sent = one.next_batch()
    database_of(folder).unlink()
    stored = one.store("b")

    one.ack(sent)

    assert events(*one.deliver()) == events(stored)


@pytest.mark.parametrize("writes", [True, False])
def test_deleted_lock_file_is_created_again(instance: New, folder: Path, *, writes: bool) -> None:
    """From its next look at the spool, the process keeps its events to itself again."""
    one, two = instance(), instance()
    stored = [one.store("a")]
    [lock] = folder.glob("*.lock")
    lock.unlink()
    if writes:
        stored.append(one.store("b"))
    else:
        assert one.spool.requeue(one.next_batch())

    assert two.deliver() == []
    assert events(*one.deliver()) == events(*stored)


def test_events_that_another_process_claimed_are_counted(instance: New, folder: Path) -> None:
    """A process whose lock file was deleted counts the events that another one claimed."""
    one, two = instance(), instance()
    first = one.store("a")
    [lock] = folder.glob("*.lock")
    lock.unlink()
    assert events(two.next_batch()) == events(first)

    second = one.store("b")

    assert events(*one.deliver()) == events(second)
    assert one.stats.dropped == {"spool_damaged": 1}


@pytest.mark.parametrize("kind", ["garbage", "link", "pipe", "directory"])
def test_damaged_database_is_renamed(
    instance: New, folder: Path, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is in the place of the database, it is set aside, and a new one takes events."""
    one = instance()
    one.store("a")
    one.spool.close()
    database = database_of(folder)
    elsewhere = database.rename(tmp_path / "elsewhere")
    match kind:
        case "garbage":
            database.write_bytes(b"x" * 10_000)
        case "link":
            database.symlink_to(elsewhere)
        case "pipe":
            os.mkfifo(database)
        case _:
            database.mkdir()
    before = elsewhere.read_bytes()

    two = instance()
    stored = two.store("b")

    assert events(*two.deliver()) == events(stored)
    assert elsewhere.read_bytes() == before
    assert os.path.lexists(f"{database}.damaged")
    assert len(re.findall("it was renamed to .*damaged", caplog.text)) == 1


def test_events_of_a_damaged_database_are_counted(instance: New, folder: Path) -> None:
    """The process that stored the events counts them as lost."""
    one = instance()
    one.store("a", "b")
    sent = one.next_batch()
    one.store("c")
    database_of(folder).write_bytes(b"x" * 100_000)
    stored = one.store("d")

    one.ack(sent)

    assert events(*one.deliver()) == events(stored)
    assert one.stats.dropped == {"spool_damaged": 1}
    assert one.stats.delivered == 3


@given(place=st.integers(0, 40), value=st.binary(min_size=1, max_size=1))
def test_changed_byte_is_found(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: bytes
) -> None:
    """A batch with a changed byte is not sent; those beside it are."""
    folder = tmp_path_factory.mktemp("spool")
    one = Instance(folder)
    stored = [one.store("aaaa"), one.store("bbbb"), one.store("cccc")]
    body = bytearray(stored[1].body)
    changed = body[place : place + 1] != value
    body[place : place + 1] = value
    execute(database_of(folder), "UPDATE batch SET body = ? WHERE seq = 2", bytes(body))

    sent = one.deliver()

    left = [stored[0], stored[2]] if changed else stored
    assert events(*sent) == events(*left)
    assert one.stats.dropped == ({"spool_damaged": 1} if changed else {})
    one.spool.close()


@pytest.mark.parametrize("body", ["text", 5, b"", bytes(64)])
def test_other_values_are_damage(instance: New, folder: Path, body: object) -> None:
    """A value that is no batch is deleted and counted."""
    one = instance()
    one.store("a")
    one.spool.close()
    database = database_of(folder)
    execute(database, "UPDATE batch SET body = ?", body)

    two = instance()

    assert two.deliver() == []
    assert two.stats.dropped == {"spool_damaged": 1}
    assert two.stats.replayed == 1


def test_does_not_send_again_what_could_not_be_deleted(
    instance: New, folder: Path, clock: FakeTime
) -> None:
    """If a delivered batch can't be deleted, the process deletes it later and does not send it."""
    one = instance()
    one.store("a")
    sent = one.next_batch()
    folder.chmod(0o777)
    one.ack(sent)
    folder.chmod(0o700)
    clock.now += SCAN_SECONDS

    assert one.deliver() == []
    one.spool.close()
    assert instance().deliver() == []
    assert one.stats.delivered == 1
