import logging
import os
import signal
import threading
import time

import pytest

from sqreen_mw.agent.guard import Guard
from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.random_words import mask_random_words
from tests.support.waiting import PATIENCE, wait_until


def test_each_cause_is_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A cause is logged once per interval; every occurrence is counted."""
    guard = Guard()

    for _ in range(100):
        guard.warn("name_type", "not a %s", "name")
    guard.warn("other", "something else")

    assert guard.counts == {"name_type": 100, "other": 1}
    assert caplog.messages == ["not a name", "something else"]


def test_details_cannot_forge_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    """Line breaks and terminal codes in details are escaped."""
    Guard().warn("refused", "the answer is %s", "no\n12:00 root logged in\x1b[2J\x85")

    assert caplog.messages == ["the answer is no\\x0a12:00 root logged in\\x1b[2J\\x85"]


def test_log_line_counts_suppressed_lines(caplog: pytest.LogCaptureFixture) -> None:
    """The first line after an interval contains the number of suppressed lines."""
    now = 100.0
    guard = Guard(log_interval=2.0, clock=lambda: now)

    for _ in range(4):
        guard.warn("a", "logged")
    now = 102.01
    guard.warn("a", "logged")

    assert caplog.messages == ["logged", "logged (3 more of these since the last line)"]


def test_errors_are_suppressed_but_keyboard_interrupt_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The guard suppresses an exception and lets KeyboardInterrupt through."""
    guard = Guard()

    with guard.suppress_errors("seal"):
        raise ValueError("inside")
    with pytest.raises(KeyboardInterrupt), guard.suppress_errors("seal"):
        raise KeyboardInterrupt
    with guard.suppress_errors("seal"):
        pass

    assert guard.counts == {"seal": 1}
    assert "failed in seal, the app goes on: ValueError('inside')" in caplog.text


@pytest.mark.parametrize(
    "secret",
    [
        "8f14e45fceea167a5a36dedd4bea2543",
        "0d9f3c1e-8a4b-4c2d-9e7f-1a2b3c4d5e6f",
        "aB3dE5fG7hI9jK1lM3nO",
    ],
)
def test_generated_text_of_an_exception_is_masked(
    caplog: pytest.LogCaptureFixture, secret: str
) -> None:
    """An exception of the app may contain a token without a name, such as a missing key."""
    guard = Guard(scrub_error=mask_random_words)

    with guard.suppress_errors("identify"):
        raise KeyError(secret)
    guard.warn("before_send_request", "not valid: %s", ValueError(f"user {secret}, 20 lines"))

    assert caplog.messages == [
        f"sqreen_mw failed in identify, the app goes on: KeyError('{MASK}')",
        f"not valid: user {MASK}, 20 lines",
    ]


def test_log_handler_that_warns_again_does_not_loop() -> None:
    """A log handler of the app may cause the same warning again."""
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


def test_counts_are_exact_across_threads() -> None:
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


def test_errors_while_logging_are_suppressed() -> None:
    """A scrubber, a detail or a log handler of the app may raise."""

    class UnprintableError(Exception):
        """An error whose repr raises."""

        def __repr__(self) -> str:
            raise RuntimeError("no text")

    def broken(_: str) -> str:
        raise RuntimeError("no scrubbing")

    guard = Guard(scrub=broken)

    guard.warn("a", "logged")
    with Guard().suppress_errors("b"):
        raise UnprintableError

    assert guard.counts == {"a": 1}


def test_child_of_a_fork_with_held_lock_counts_from_zero() -> None:
    """A fork while another thread counts leaves the child with a free lock and empty counts."""
    guard = Guard()
    guard.warn("in the parent", "not the child's")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with guard._counter._lock:  # noqa: SLF001 the lock is never held long enough
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


def test_blocked_log_handler_does_not_block_our_thread() -> None:
    """A thread that logs off-thread continues while a log handler of the app blocks."""
    guard = Guard()
    may_return = threading.Event()
    lines: list[str] = []

    class Stuck(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            may_return.wait(PATIENCE)
            lines.append(record.getMessage())

    def warn() -> None:
        guard.log_off_thread_here()
        guard.warn("a", "logged")

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

    assert lines == ["logged"]
