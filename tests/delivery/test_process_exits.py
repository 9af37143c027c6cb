"""The ways in which a process ends, and how many of its 50 waiting events arrive."""

import signal
from typing import Final

import pytest

from tests.delivery.conftest import Runner
from tests.support.waiting import PATIENCE

EVENTS: Final = 50

SCRIPT: Final = """
import os
import signal
import sys
import threading
import sqreen_mw as sqreen

for _ in range(50):
    sqreen.track("x")
{end}
"""

DELIVERING: Final = {
    "normal exit": ("", 0),
    "exception": ("raise RuntimeError", 1),
    "sys.exit": ("sys.exit(3)", 3),
    "sys.exit in a thread": ("threading.Thread(target=sys.exit, args=(3,)).start()", 0),
    "SIGINT": ("signal.raise_signal(signal.SIGINT)", -signal.SIGINT),
    "SIGTERM": ("signal.raise_signal(signal.SIGTERM)", -signal.SIGTERM),
}

LOSING: Final = {
    "os._exit": ("os._exit(3)", 3),
    "os.execv": ("os.execv(sys.executable, [sys.executable, '-c', 'raise SystemExit(3)'])", 3),
    **{
        number.name: (f"signal.raise_signal({number.value})", -number)
        for number in (
            signal.SIGHUP,
            signal.SIGQUIT,
            signal.SIGALRM,
            signal.SIGUSR1,
            signal.SIGKILL,
        )
    },
}


def exit_status(runner: Runner, end: str) -> int:
    """Run a script that tracks and then ends in this way, and return its status."""
    with runner.running(SCRIPT.format(end=end)) as process:
        process.communicate(timeout=PATIENCE)
    return process.returncode


@pytest.mark.parametrize(("end", "status"), DELIVERING.values(), ids=DELIVERING)
def test_exit_delivers(runner: Runner, end: str, status: int) -> None:
    """Waiting events arrive, and the exit status is the one of the app."""
    assert exit_status(runner, end) == status
    assert runner.names == ["x"] * EVENTS


@pytest.mark.parametrize(("end", "status"), LOSING.values(), ids=LOSING)
def test_exit_without_exit_handlers_loses_waiting_events(
    runner: Runner, end: str, status: int
) -> None:
    """These exits end the process before Python can run our code."""
    assert exit_status(runner, end) == status
    assert runner.names == []
