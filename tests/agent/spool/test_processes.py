"""Real processes share a spool: they race, fork, are killed, and fill the disk."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.agent.spool.instance import Instance, events
from tests.support.processes import ROOT, clean_environment
from tests.support.spool_files import size_of, stored_batches
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.slow

New = Callable[..., Instance]

START = """
import os, sys, time
from pathlib import Path
from tests.agent.spool.instance import Instance, events

folder = Path(sys.argv[1])
instance = Instance(folder)

def report(*words):
    print(*words, flush=True)
"""

REPLAYING = """
report("ready")
sys.stdin.readline()
while batch := instance.spool.next_batch():
    report(*[event["event"] for event in map(__import__("json").loads, events(batch))])
    instance.ack(batch)
report(instance.stats.replayed)
instance.spool.close()
"""

STORING = """
instance = Instance(folder, size=2**20)
report("ready")
for number in range(60):
    instance.store(str(number), padding=30_000)
instance.spool.close()
report(instance.stats.spooled)
"""

HALF_DONE = """
instance.ack(instance.next_batch())
report("acknowledged")
instance.next_batch()
report("sending")
sys.stdin.readline()
"""

FORKING = """
instance.store("parent")
report("stored")
if os.fork() == 0:
    report(os.getpid())
    time.sleep(60)
os.wait()
"""

FORKING_IN_C = """
import ctypes

instance.store("parent")
report("stored")
if ctypes.PyDLL(None).fork() == 0:
    report(os.getpid())
    time.sleep(60)
os.wait()
"""

SPOOLING_CHILD = """
import ctypes

fork = ctypes.PyDLL(None).fork if sys.argv[2] == "C" else os.fork
instance.store("parent")
instance.next_batch()
if fork() == 0:
    child = Instance(folder)
    child.store("child")
    assert [len(batch) for batch in child.deliver()] == [1], child.stats
    assert child.stats.replayed == 0
    child.store("left")
    del instance
    os._exit(0)
_, status = os.wait()
assert status == 0, status
[left] = instance.deliver()
assert b"left" in left.body
instance.store("later")
assert len(instance.deliver()) == 1
assert not instance.guard.counts
report("done")
"""

FORKING_ALWAYS = """
import threading

done = []

def store():
    for number in range(300):
        instance.store(str(number), padding=20_000)
    done.append(True)

thread = threading.Thread(target=store)
thread.start()
while not done:
    child = os.fork()
    if child == 0:
        mine = Instance(folder)
        mine.store("child")
        mine.next_batch()
        os._exit(len(mine.guard.counts))
    _, status = os.waitpid(child, 0)
    assert status == 0, status
thread.join()
assert not instance.guard.counts
report(instance.stats.spooled)
"""

FULL_DISK = """
import resource

stored = events(instance.store("a", padding=20_000))
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
batch = instance.batch("b", padding=40_000)
assert not instance.spool.requeue(batch)
assert not instance.spool.persist(instance.batch("c", padding=60_000))
assert instance.stats.waiting == 3
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert instance.spool.requeue(batch)
assert events(*instance.deliver()) == stored + events(batch)
assert instance.guard.counts == {"spool": 1}
report("done")
"""

NOT_DELETED = """
import resource

stored = [instance.store("x", padding=600_000) for _ in range(3)]
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
assert events(*instance.deliver()) == events(*stored)
assert list(instance.guard.counts) == ["spool"]
assert (instance.stats.delivered, instance.stats.waiting) == (3, 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
instance.spool.close()
report("done")
"""

KILLED = """
report("ready")
for number in range(10**6):
    instance.store(f"event-{number}", padding=20_000)
    report(number)
"""


@contextmanager
def script(text: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a script until the block ends, then kill it."""
    process = subprocess.Popen(
        [sys.executable, "-c", START + text, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=clean_environment({}),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def line(process: subprocess.Popen[str]) -> str:
    """Return the next line that a script prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def rest(process: subprocess.Popen[str]) -> list[str]:
    """Return the words that a script prints until its end."""
    assert process.stdout is not None
    return process.stdout.read().split()


def test_racing_processes_send_each_event_once(instance: New, folder: Path) -> None:
    """Three processes send the events of twelve ended ones, each event once."""
    left: list[str] = []
    for number in range(12):
        one = instance()
        for part in range(5):
            left.append(f"{number}.{part}")
            one.store(left[-1])
        one.spool.close()

    with ExitStack() as stack:
        racing = [stack.enter_context(script(REPLAYING, folder)) for _ in range(3)]
        assert [line(each) for each in racing] == ["ready"] * 3
        for each in racing:
            assert each.stdin is not None
            each.stdin.write("\n")
            each.stdin.flush()
        printed = [rest(each) for each in racing]

    assert sorted(name for words in printed for name in words[:-1]) == sorted(left)
    assert [int(words[-1]) for words in printed] == [len(words) - 1 for words in printed]
    assert stored_batches(folder) == 0


def test_processes_that_store_together_respect_the_size(instance: New, folder: Path) -> None:
    """However many processes write at once, the files never exceed the size."""
    largest = 0
    with ExitStack() as stack:
        storing = [stack.enter_context(script(STORING, folder)) for _ in range(3)]
        assert [line(each) for each in storing] == ["ready"] * 3
        while any(each.poll() is None for each in storing):
            largest = max(largest, size_of(folder))
            time.sleep(0.005)  # reading the sizes takes the lock of the writers
        spooled = [int(line(each)) for each in storing]

    left = events(*instance(size=2**20).deliver())
    assert 2**19 < largest <= 2**20
    assert 0 < len(left) <= sum(spooled)


def test_next_process_sends_for_a_killed_one(instance: New, folder: Path) -> None:
    """The next process sends the batches that a killed one did not acknowledge."""
    one = instance()
    stored = [one.store("x", padding=600_000) for _ in range(2)]
    one.spool.close()
    two = instance()
    with script(HALF_DONE, folder) as replaying:
        assert [line(replaying), line(replaying)] == ["acknowledged", "sending"]
        assert two.deliver() == []

    assert events(*instance().deliver()) == events(stored[1])


@pytest.mark.parametrize("text", [FORKING, FORKING_IN_C])
def test_child_does_not_keep_the_events_of_its_parent(
    instance: New, folder: Path, text: str
) -> None:
    """If the parent is killed while its child lives on, others send its events."""
    with script(text, folder) as parent:
        assert line(parent) == "stored"
        child = int(line(parent))
        try:
            assert instance().deliver() == []
            parent.kill()
            parent.wait(PATIENCE)

            assert len(instance().deliver()) == 1
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("language", ["Python", "C"])
def test_child_and_parent_use_the_spool_after_a_fork(folder: Path, language: str) -> None:
    """Each sends its own events, and the parent sends the rest of the child."""
    with script(SPOOLING_CHILD, folder, language) as process:
        assert line(process) == "done"


def test_forks_at_any_moment_leave_the_spool_intact(instance: New, folder: Path) -> None:
    """While one thread stores events another one forks, and the children use the spool, too."""
    with script(FORKING_ALWAYS, folder) as process:
        assert line(process) == "300"
        process.wait(PATIENCE)

    assert sum(name.startswith(b'{"event":"child"') for name in events(*instance().deliver())) > 0


@pytest.mark.parametrize("_", range(3))
def test_killed_process_loses_no_stored_event(instance: New, folder: Path, _: int) -> None:
    """Each event that was stored before SIGKILL is sent once by the next process."""
    with script(KILLED, folder) as process:
        assert line(process) == "ready"
        for _ in range(50):
            line(process)
        process.kill()
        process.wait(PATIENCE)
        last = int(["49", *rest(process)][-1])

    one = instance()
    sent = events(*one.deliver())

    assert [f'{{"event":"event-{number}"'.encode() for number in range(last + 1)] == [
        event.split(b",")[0] for event in sent[: last + 1]
    ]
    assert len(sent) <= last + 2
    assert one.stats.misuse == {}


def test_full_disk_loses_no_stored_event(folder: Path) -> None:
    """A write that fails half way is rolled back; batches stored before and after it are sent."""
    with script(FULL_DISK, folder) as process:
        assert line(process) == "done"


def test_full_disk_does_not_stop_the_replay(instance: New, folder: Path) -> None:
    """Batches that can't be deleted are delivered once, and deleted later."""
    with script(NOT_DELETED, folder) as process:
        assert line(process) == "done"

    assert instance().deliver() == []
