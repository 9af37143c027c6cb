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
