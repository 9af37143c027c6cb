"""Real processes at one spool: they race, fork, are killed, and meet disks that are full."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.agent.spool.process import Process
from tests.delivery.killing import size_of
from tests.support.processes import ROOT, clean_environment
from tests.support.waiting import PATIENCE

New = Callable[..., Process]

BEGIN = """
import os, sys, time
from pathlib import Path
from tests.agent.spool.process import Process

process = Process(Path(sys.argv[1]))

def say(*words):
    print(*words, flush=True)
"""

REPLAYING = """
say("ready")
sys.stdin.readline()
for batch in process.deliver():
    say(batch.id)
say(process.stats.replayed)
process.spool.close()
"""

WRITING = """
process = Process(Path(sys.argv[1]), size=2**20)
say("ready")
for number in range(60):
    process.stow(str(number), padding=30_000)
process.spool.close()
stats = process.stats
say(stats.spooled)
"""

STOPPING = """
batch = process.spool.next_batch()
say(batch.id)
process.spool.ack(batch)
say(process.spool.next_batch().id)
sys.stdin.readline()
"""

FORKING = """
say(process.stow("a").id)
if os.fork() == 0:
    say(os.getpid())
    time.sleep(60)
os.wait()
"""

FORKING_IN_C = """
import ctypes

say(process.stow("a").id)
if ctypes.PyDLL(None).fork() == 0:
    Process(Path(sys.argv[1]))
    say(os.getpid())
    time.sleep(60)
os.wait()
"""

FULL = """
import resource

stowed = [process.stow("a", padding=20_000).id]
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
batch = process.batch("b", padding=20_000)
assert not process.spool.requeue(batch)
assert not process.spool.persist(process.batch("c", padding=40_000))
assert process.stats.waiting == 3
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert process.spool.requeue(batch)
assert [each.id for each in process.deliver()] == [*stowed, batch.id]
assert process.guard.counts == {"spool": 1}
say("done")
"""


@contextmanager
def script(text: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a script until the block ends, then kill it."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + text, str(folder)],
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
    """Return what a script says next."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_processes_that_race_send_each_batch_once(process: New, folder: Path) -> None:
    """Three processes come at once to what twelve left: no batch is sent twice, none is missed."""
    left: list[str] = []
    for number in range(12):
        one = process()
        left += [one.stow(f"{number}.{each}").id for each in range(5)]
        one.spool.close()

    with ExitStack() as stack:
        racing = [stack.enter_context(script(REPLAYING, folder)) for _ in range(3)]
        assert [line(each) for each in racing] == ["ready"] * 3
        for each in racing:
            assert each.stdin is not None
            each.stdin.write("\n")
            each.stdin.flush()
        said = [each.stdout.read().split() for each in racing if each.stdout]

    assert sorted(id_ for words in said for id_ in words[:-1]) == sorted(left)
    assert [int(words[-1]) for words in said] == [len(words) - 1 for words in said]
    assert list(folder.iterdir()) == []


def test_processes_that_write_together_keep_the_bound(process: New, folder: Path) -> None:
    """However many write at once, the spool has never more bytes than it may have."""
    largest = 0
    with ExitStack() as stack:
        writing = [stack.enter_context(script(WRITING, folder)) for _ in range(3)]
        assert [line(each) for each in writing] == ["ready"] * 3
        while any(each.poll() is None for each in writing):
            largest = max(largest, size_of(folder))
            time.sleep(0.005)  # they write under the same lock
        said = [int(line(each)) for each in writing]

    left = process(size=2**20).deliver()
    assert 2**19 < largest <= 2**20
    assert 0 < len(left) <= sum(said)


def test_a_process_that_is_killed_while_it_replays_lets_go(process: New, folder: Path) -> None:
    """The next one sends what is not settled, and nothing waits for the dead."""
    one = process()
    left = [one.stow("a").id, one.stow("b").id]
    one.spool.close()
    two = process()
    with script(STOPPING, folder) as replaying:
        assert [line(replaying), line(replaying)] == left
        assert two.deliver() == []

    assert [batch.id for batch in process().deliver()] == left


@pytest.mark.parametrize("text", [FORKING, FORKING_IN_C])
def test_a_child_does_not_keep_its_parents_segments(process: New, folder: Path, text: str) -> None:
    """Where the parent is killed and its child lives on, others take over, after any fork."""
    with script(text, folder) as parent:
        left, child = line(parent), int(line(parent))
        try:
            assert process().deliver() == []
            parent.kill()
            parent.wait(PATIENCE)

            assert [batch.id for batch in process().deliver()] == [left]
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_full_disk_costs_no_batch_that_was_written(folder: Path) -> None:
    """A write that stops half way is taken back: what came before and comes after is whole."""
    with script(FULL, folder) as process:
        assert line(process) == "done"
