import logging
import os
import signal
import threading
import time

import pytest

from sqreen_mw.agent.guard import Guard
from tests.support.waiting import PATIENCE, wait_until


def test_counts_every_cause_and_logs_it_once(caplog: pytest.LogCaptureFixture) -> None:
    """A cause is logged once an interval, however often it is met; each time counts."""
    guard = Guard()

    for _ in range(100):
        guard.warn("name_type", "not a %s", "name")
    guard.warn("other", "something else")

    assert guard.counts == {"name_type": 100, "other": 1}
    assert caplog.messages == ["not a name", "something else"]


def test_a_detail_can_not_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Line breaks and terminal codes of others are written out."""
    Guard().warn("refused", "it says %s", "no\n12:00 root logged in\x1b[2J\x85")

    assert caplog.messages == ["it says no\\x0a12:00 root logged in\\x1b[2J\\x85"]


def test_says_how_many_went_unsaid(caplog: pytest.LogCaptureFixture) -> None:
    """The next line after an interval tells of those in between."""
    guard = Guard(log_interval=2.0)

    for _ in range(4):
        guard.warn("a", "said")
    time.sleep(2.01)
    guard.warn("a", "said")

    assert caplog.messages == ["said", "said (3 more of these since the last line)"]


def test_swallows_faults_but_no_signal_to_stop(caplog: pytest.LogCaptureFixture) -> None:
    """An exception goes no further than the guard; KeyboardInterrupt does."""
    guard = Guard()

    with guard.swallow("seal"):
        raise ValueError("inside")
    with pytest.raises(KeyboardInterrupt), guard.swallow("seal"):
        raise KeyboardInterrupt
    with guard.swallow("seal"):
        pass

    assert guard.counts == {"seal": 1}
    assert "failed in seal, the app goes on: ValueError('inside')" in caplog.text


def test_a_log_handler_that_is_at_fault_itself_ends() -> None:
    """A handler of the app that makes the same fault again does not loop."""
    guard = Guard()

    class Echo(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            guard.warn("name_type", record.getMessage())

    logger = logging.getLogger("sqreen_mw")
    echo = Echo()
    logger.addHandler(echo)
    try:
        guard.warn("name_type", "once")
    finally:
        logger.removeHandler(echo)

    assert guard.counts == {"name_type": 2}


def test_counts_are_exact_over_threads() -> None:
    """No count is lost between threads."""
    guard = Guard()

    def warn() -> None:
        for _ in range(1000):
            guard.warn("a", "x")

    threads = [threading.Thread(target=warn) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert guard.counts == {"a": 8000}


def test_what_raises_while_it_is_said_goes_no_further() -> None:
    """A scrubber, a detail or a handler of the app that raises is no reason to raise."""

    class UnsayableError(Exception):
        """An error that can't be shown."""

        def __repr__(self) -> str:
            raise RuntimeError("no text")

    def broken(_: str) -> str:
        raise RuntimeError("no scrubbing")

    guard = Guard(scrub=broken)

    guard.warn("a", "said")
    with Guard().swallow("b"):
        raise UnsayableError

    assert guard.counts == {"a": 1}


def test_a_fork_while_the_lock_is_held_hangs_no_child() -> None:
    """A child whose parent's other thread was just counting counts all the same, from nought."""
    guard = Guard()
    guard.warn("in the parent", "not the child's")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with guard._tally._lock:  # noqa: SLF001 the moment can't be met otherwise
            held.set()
            done.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(PATIENCE)
    child = os.fork()
    if child == 0:  # pragma: no cover  # coverage does not follow a bare fork
        guard.warn("cause", "in the child")
        os._exit(len(guard.counts))
    end = time.monotonic() + PATIENCE / 2
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < end:
        time.sleep(0.01)
    done.set()
    thread.join()
    if ended == (0, 0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    assert ended[0] == child, "the child hangs"
    assert os.waitstatus_to_exitcode(ended[1]) == 1


def test_a_hurried_thread_waits_for_no_log_handler() -> None:
    """A thread that may not be held up goes on where a handler of the app's does not return."""
    guard = Guard()
    may_return = threading.Event()
    lines: list[str] = []

    class Stuck(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            may_return.wait(PATIENCE)
            lines.append(record.getMessage())

    def warn() -> None:
        guard.hurry()
        guard.warn("a", "said")

    logger = logging.getLogger("sqreen_mw")
    stuck = Stuck()
    logger.addHandler(stuck)
    try:
        thread = threading.Thread(target=warn)
        thread.start()
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert lines == []
        may_return.set()
        wait_until(lambda: lines)
    finally:
        logger.removeHandler(stuck)

    assert lines == ["said"]
