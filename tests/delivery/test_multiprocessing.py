import sys

import pytest

from tests.delivery.conftest import Runner
from tests.delivery.terminated_pools import HANGS_AFTER

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
import sqreen_mw as sqreen


def track(_):
    sqreen.track("child")


if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(track, range(20), 1)
        pool.close()
        pool.join()
"""

EXECUTOR = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
import sqreen_mw as sqreen


def track(_):
    sqreen.track("child")


if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        list(executor.map(track, range(20)))
"""

TERMINATED = """
import multiprocessing
import signal
import sys
import time
import sqreen_mw as sqreen


def is_default():
    return signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


sqreen.SqreenWSGIMiddleware(None)
AT_START = is_default()


def track(queue):
    seen = [AT_START, is_default()]
    sqreen.track("child")
    queue.put([*seen, is_default()])
    time.sleep(60)


if __name__ == "__main__":
    sqreen.track("parent")
    context = multiprocessing.get_context(sys.stdin.readline().strip())
    queue = context.SimpleQueue()
    child = context.Process(target=track, args=(queue,))
    child.start()
    print(*queue.get())
    child.terminate()
    child.join()
    print(child.exitcode)
"""

AT_RANDOM = """
from tests.delivery.terminated_pools import run_rounds

if __name__ == "__main__":
    run_rounds(6)
"""


@pytest.mark.parametrize(
    ("method", "mutant", "came"),
    [
        ("fork", "", 3),
        ("forkserver", "", 3),
        ("spawn", "", 3),
        ("fork", "no worker hooks", 0),
        pytest.param(
            *("forkserver", "no worker hooks", 0),
            marks=pytest.mark.skipif(
                sys.version_info >= (3, 13), reason="its children run exit handlers"
            ),
        ),
    ],
)
def test_child_that_returns_at_once_delivers(
    runner: Runner, method: str, mutant: str, came: int
) -> None:
    """Children of multiprocessing deliver at their end, although they run no exit handlers."""
    runner.run(CHILDREN, mutant, given=method)

    assert runner.names == ["child"] * came + ["parent"]


@pytest.mark.parametrize("script", [POOL, EXECUTOR])
def test_pool_that_is_joined_delivers(runner: Runner, script: str) -> None:
    """Workers of a closed pool end by themselves, and deliver."""
    runner.run(script)

    assert runner.names == ["child"] * 20


@pytest.mark.parametrize(
    ("method", "mutant", "seen"),
    [
        ("fork", "", "False True True"),
        ("forkserver", "", "True True True"),
        ("spawn", "", "True True True"),
        ("fork", "child keeps handler", "False False False"),
        ("fork", "handler in multiprocessing", "False True False"),
        ("spawn", "handler in multiprocessing", "False False False"),
    ],
)
def test_terminated_child_has_the_default_action(
    runner: Runner, method: str, mutant: str, seen: str
) -> None:
    """SIGTERM ends a child at once, before its first event and after it; waiting events are lost.

    The first value is from the import of the main module, which a forked child shares.
    """
    lines = runner.run(TERMINATED, mutant, given=method).splitlines()

    assert lines == [seen, "-15"]
    assert mutant or runner.names == ["parent"]


def test_terminated_pools_never_hang(runner: Runner) -> None:
    """Pools and children that are terminated at random moments can be joined."""
    longest = float(runner.run(AT_RANDOM))

    assert longest < HANGS_AFTER
