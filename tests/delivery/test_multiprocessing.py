import signal
import sys

import pytest

from tests.delivery.conftest import Runner

CHILDREN = """
import multiprocessing
import sys
import threading
import sqreen_mw as sqreen


def track():
    sqreen.track("child")


def track_at_the_end():
    from multiprocessing.util import Finalize

    Finalize(None, track, exitpriority=0)
    track()


if __name__ == "__main__":
    sqreen.track("parent")
    context = multiprocessing.get_context(sys.stdin.readline().strip())
    for target in (track, track_at_the_end):
        child = context.Process(target=target)
        child.start()
        child.join()
        assert child.exitcode == 0
"""

POOL = """
import multiprocessing
import sys
import threading
import sqreen_mw as sqreen


def track(_):
    sqreen.track("child")


if __name__ == "__main__":
    with multiprocessing.get_context(sys.stdin.readline().strip()).Pool(2) as pool:
        pool.map(track, range(20), 1)
"""

UNSEEN = """
import multiprocessing
import os
import signal
import sys
import threading
import time
import sqreen_mw as sqreen

UNDONE = 3


def track_and_wait(seconds):
    sqreen.track("child")
    unseen = threading.Thread(target=take_the_signal, args=(seconds,), daemon=True)
    unseen.start()
    threading.Event().wait()


def take_the_signal(seconds):
    time.sleep(1)
    # Its handler is due, and nothing interrupts the main thread's wait.
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(seconds)
    os._exit(UNDONE)


if __name__ == "__main__":
    seconds = float(sys.stdin.readline())
    child = multiprocessing.get_context("fork").Process(target=track_and_wait, args=(seconds,))
    child.start()
    child.join()
    print(child.exitcode)
"""

BEFORE_IT_TRACKS = """
import multiprocessing
import signal
import time
import sqreen_mw as sqreen


def track():
    handlers = [signal.getsignal(signal.SIGTERM)]
    sqreen.track("child")
    handlers.append(signal.getsignal(signal.SIGTERM))
    print([handler == signal.SIG_DFL for handler in handlers], flush=True)


sqreen.track("parent")
sqreen.flush()
fork = multiprocessing.get_context("fork")
child = fork.Process(target=track)
child.start()
child.join()
for _ in range(5):
    child = fork.Process(target=time.sleep, args=(20,))
    child.start()
    child.terminate()
    child.join()
    print(child.exitcode)
"""

GRANDCHILDREN = """
import multiprocessing
import os
import signal
import time
import sqreen_mw as sqreen


def track_and_fork():
    sqreen.track("child")
    for _ in range(5):
        grandchild = os.fork()
        if grandchild == 0:
            time.sleep(20)
            os._exit(0)
        os.kill(grandchild, signal.SIGTERM)
        print(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]), flush=True)


child = multiprocessing.get_context("fork").Process(target=track_and_fork)
child.start()
child.join()
print(child.exitcode)
"""

TOLD_OF_SIGNALS = """
import asyncio
import multiprocessing
import signal
import sqreen_mw as sqreen


def track():
    sqreen.track("child")
    print(signal.set_wakeup_fd(-1) >= 0, flush=True)


async def track_in_a_loop():
    track()


def track_where_somebody_is_told():
    loop = asyncio.new_event_loop()
    loop.add_signal_handler(signal.SIGUSR1, print)
    told = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(told)
    sqreen.track("child")
    print(signal.set_wakeup_fd(told) != told, flush=True)
    loop.close()


def track_in_asyncio():
    asyncio.run(track_in_a_loop())


for target in (track, track_in_asyncio, track_where_somebody_is_told):
    child = multiprocessing.get_context("fork").Process(target=target)
    child.start()
    child.join()
"""


@pytest.mark.parametrize(
    ("method", "naive", "came"),
    [
        ("fork", "", 3),
        ("forkserver", "", 3),
        ("spawn", "", 3),
        ("fork", "exit handlers will do", 0),
        pytest.param(
            *("forkserver", "exit handlers will do", 0),
            marks=pytest.mark.skipif(
                sys.version_info >= (3, 13), reason="its children run exit handlers"
            ),
        ),
    ],
)
def test_children_that_return_at_once_lose_nothing(
    runner: Runner, method: str, naive: str, came: int
) -> None:
    """Children of multiprocessing run no exit handlers, and deliver all the same."""
    runner.run(CHILDREN, naive, given=method)

    assert runner.names == ["child"] * came + ["parent"]


@pytest.mark.parametrize(
    ("method", "naive", "came"),
    [("fork", "", 20), ("spawn", "", 20), ("fork", "SIGTERM kills", 0)],
)
def test_a_pool_that_is_terminated_loses_nothing(
    runner: Runner, method: str, naive: str, came: int
) -> None:
    """A pool ends its workers by SIGTERM, which they deliver before."""
    runner.run(POOL, naive, given=method)

    assert runner.names == ["child"] * came


@pytest.mark.parametrize(
    ("naive", "seconds", "status"), [("", 60, -signal.SIGTERM), ("signals come once", 2, 3)]
)
def test_a_signal_just_before_a_wait_ends_a_child(
    runner: Runner, naive: str, seconds: int, status: int
) -> None:
    """What Python would see of SIGTERM after a wait ends a child within it: its parent waits."""
    assert runner.run(UNSEEN, naive, given=f"{seconds}\n") == f"{status}\n"
    assert runner.names == ["child"] * (status < 0)


def test_a_child_that_tracks_nothing_ends_at_once(runner: Runner) -> None:
    """SIGTERM ends a child as if nothing had been until it tracks, however early it comes."""
    printed = runner.run(BEFORE_IT_TRACKS).splitlines()

    assert printed == ["[True, False]", *[str(-signal.SIGTERM)] * 5]
    assert runner.names == ["child", "parent"]


def test_a_child_outlives_its_own_children(runner: Runner) -> None:
    """SIGTERM to a process that a child forks ends that one alone, however early it comes."""
    assert runner.run(GRANDCHILDREN).splitlines() == [*[str(-signal.SIGTERM)] * 5, "0"]
    assert runner.names == ["child"]


@pytest.mark.parametrize(
    ("first", "told"), [("", ["True", "False", "False"]), ("import trio\n", ["False"] * 3)]
)
def test_nobody_else_is_kept_from_being_told_of_signals(
    runner: Runner, first: str, told: list[str]
) -> None:
    """Signals are watched where no loop does so, and no trio would warn of it."""
    assert runner.run(first + TOLD_OF_SIGNALS).splitlines() == told
