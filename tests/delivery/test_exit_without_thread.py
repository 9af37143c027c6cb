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
def test_an_exit_needs_no_thread(runner: Runner, script: str, mutant: str, came: int) -> None:
    """Where no thread is to be had, the last one of the process delivers by itself."""
    runner.run(script, mutant)

    assert runner.names == ["x"] * came


def test_a_running_loop_is_not_waited_on(runner: Runner) -> None:
    """A thread that runs a loop can't run the flusher's: what waits is lost, and counted."""
    assert runner.run(IN_A_LOOP) == "1 0\n"
