import sys

import pytest

from tests.delivery.conftest import Runner

NO_THREADS = """
import threading
import sqreen_mw as sqreen

threading.stack_size(1 << 46)
for _ in range(10):
    sqreen.track("x")
"""

IN_A_LOOP = """
import asyncio
import threading
import sqreen_mw as sqreen


async def main():
    sqreen.track("x")
    print(sqreen.close(), await sqreen.aclose())


threading.stack_size(1 << 46)
asyncio.run(main())
"""

FIRST_AT_EXIT = """
import atexit
import threading
import sqreen_mw as sqreen

for _ in range(10):
    atexit.register(sqreen.track, "x")
"""


@pytest.mark.parametrize(
    ("script", "mutant", "came"),
    [
        (NO_THREADS, "", 10),
        (NO_THREADS, "thread required", 0),
        (FIRST_AT_EXIT, "", 10),
        pytest.param(
            FIRST_AT_EXIT,
            "thread required",
            0,
            marks=pytest.mark.skipif(
                sys.version_info[:2] != (3, 12), reason="only Python 3.12 starts no thread then"
            ),
        ),
    ],
)
def test_exit_delivers_on_the_calling_thread(
    runner: Runner, script: str, mutant: str, came: int
) -> None:
    """If no thread can start, the exit handler runs the flusher on its own thread."""
    runner.run(script, mutant)

    assert runner.names == ["x"] * came


def test_close_in_a_running_loop_counts_the_loss(runner: Runner) -> None:
    """A thread that already runs a loop cannot run the flusher, so its events are lost."""
    assert runner.run(IN_A_LOOP) == "1 0\n"
