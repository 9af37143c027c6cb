"""Counts our errors and wrong calls, and limits their log lines. Nothing raises into the app.

With ``app_errors``, this is the only module that suppresses every exception.
"""

import logging
import math
import os
from collections.abc import Callable
from functools import cache
from types import TracebackType
from typing import Final
from weakref import WeakSet

from sqreen_mw.agent.process import unpatched
from sqreen_mw.agent.process.unpatched import Clock, monotonic
from sqreen_mw.app_errors import is_suppressible, suppress_app_errors
from sqreen_mw.capture.text import truncate
from sqreen_mw.errors import SqreenUsageError

logger: Final = logging.getLogger("sqreen_mw")

MAX_LINE: Final = 1000
"""Characters of a log line."""

LOG_INTERVAL: Final = 30.0
"""Seconds between two log lines of the same cause."""

OFF_THREAD_SECONDS: Final = 0.5
"""How long ``log_off_thread`` waits until its line is logged."""

_ESCAPED: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
"""Control characters: without this, data of others could forge a line of the log."""


class _ErrorText:
    """The scrubbed text of an exception.

    A callback of the app may raise ``KeyError(session_id)``, which has no name that marks a secret.
    """

    def __init__(self, error: BaseException, scrub: Callable[[str], str]) -> None:
        self._error: Final = error
        self._scrub: Final = scrub

    def __str__(self) -> str:
        return self._scrub(str(self._error))

    def __repr__(self) -> str:
        return self._scrub(repr(self._error))


class RateLimitedCounter:
    """Counts by cause. Reentrant: a signal handler may interrupt it and count too."""

    def __init__(self, *, interval: float, clock: Clock) -> None:
        """Start with empty counts.

        Args:
            interval: Seconds between two log lines of the same cause.
            clock: Returns monotonic seconds.
        """
        self._interval: Final = interval
        self._clock: Final = clock
        self._lock = unpatched.new_rlock()
        self._counts: Final[dict[str, int]] = {}
        self._last_logged: Final[dict[str, tuple[float, int]]] = {}

    @property
    def counts(self) -> dict[str, int]:
        """The number of occurrences of each cause."""
        with self._lock:
            return dict(self._counts)

    def count(self, cause: str) -> int | None:
        """Count one occurrence.

        Returns:
            How many were suppressed since the last log line, or None to suppress this one as well.
        """
        now = self._clock()
        with self._lock:
            count = self._counts.get(cause, 0) + 1
            self._counts[cause] = count
            logged_at, logged_count = self._last_logged.get(cause, (-math.inf, 0))
            if now - logged_at < self._interval:
                return None
            self._last_logged[cause] = (now, count)
        return count - logged_count - 1

    def take(self, cause: str) -> int:
        """Return the number of occurrences of a cause, and start again from zero."""
        with self._lock:
            return self._counts.pop(cause, 0)

    def reset_after_fork(self) -> None:
        """Start again in a forked child, with a new lock: another thread may have held the old."""
        self._lock = unpatched.new_rlock()
        self._counts.clear()
        self._last_logged.clear()


class Guard:
    """Counts errors by cause, and logs each cause at most once per interval.

    Causes are short constants; they never contain data of the app. Reentrant: a log handler of
    the app may call ``track()`` again.
    """

    def __init__(
        self,
        *,
        scrub: Callable[[str], str] = str,
        scrub_error: Callable[[str], str] = str,
        strict: bool = False,
        log_interval: float = LOG_INTERVAL,
        clock: Clock = monotonic,
    ) -> None:
        """Start with empty counts.

        Args:
            scrub: Masks secrets in a line, because it may contain data of the app.
            scrub_error: Masks more in the text of an exception, before that.
            strict: Whether misuse raises ``SqreenUsageError`` instead of being logged.
            log_interval: Seconds between two lines of the same cause.
            clock: Returns monotonic seconds.
        """
        self._scrub: Final = scrub
        self._scrub_error: Final = scrub_error
        self._strict: Final = strict
        self._counter: Final = RateLimitedCounter(interval=log_interval, clock=clock)
        self._off_thread: int | None = None
        _guards.add(self)

    @property
    def counts(self) -> dict[str, int]:
        """The number of occurrences of each cause."""
        return self._counter.counts

    def count(self, cause: str) -> int | None:
        """Count a cause, like ``RateLimitedCounter.count``."""
        _register_fork_hook()  # not before: the import of the SDK must not register any hook
        return self._counter.count(cause)

    def take(self, cause: str) -> int:
        """Return the number of occurrences of a cause, and start again from zero."""
        return self._counter.take(cause)

    def warn(self, cause: str, message: str, *details: object) -> None:
        """Count a cause, and log the message unless the cause was logged recently.

        Args:
            cause: A short constant name.
            message: The problem and its fix, with ``%`` placeholders for the details.
            details: Values of the placeholders.
        """
        suppressed = self.count(cause)
        if suppressed is None:
            return
        with suppress_app_errors:  # a detail, a scrubber or a log handler may raise
            line = self._line(message, details)
            if suppressed:
                line = f"{line} ({suppressed} more of these since the last line)"
            if unpatched.get_ident() == self._off_thread:
                log_off_thread(line)
            else:
                logger.warning("%s", line)

    def report_misuse(self, cause: str, message: str, *details: object) -> None:
        """Count and log a wrong call, like ``warn``.

        Raises:
            SqreenUsageError: With ``SQREEN_STRICT=1``, instead of the log line.
        """
        if self._strict:
            self.count(cause)
            raise SqreenUsageError(self._line(message, details))
        self.warn(cause, message, *details)

    def _line(self, message: str, details: tuple[object, ...]) -> str:
        shown = tuple(
            _ErrorText(detail, self._scrub_error) if isinstance(detail, BaseException) else detail
            for detail in details
        )
        return truncate(message % shown, MAX_LINE, self._scrub).translate(_ESCAPED)

    def log_off_thread_here(self) -> None:
        """Log lines of the current thread on other threads, so that no log handler blocks it."""
        _register_fork_hook()
        self._off_thread = unpatched.get_ident()

    def suppress_errors(self, cause: str) -> "SuppressErrors":
        """Return a context that counts and logs errors, and suppresses them.

        It has no state of its own, so one object serves all threads.
        """
        return SuppressErrors(self, cause)

    def suppress(self, error: BaseException, cause: str) -> bool:
        """Count and log an error of ours; return False if it must reach the app."""
        if not is_suppressible(error):
            return False
        self.internal_error(cause, error)
        return True

    def suppress_exits(self, cause: str) -> "SuppressExits":
        """Return the same for hooks on our own thread, which ``exit()`` must not end either."""
        return SuppressExits(self, cause)

    def internal_error(self, cause: str, error: BaseException) -> None:
        """Count and log an error of ours."""
        self.warn(cause, "sqreen_mw failed in %s, the app goes on: %r", cause, error)

    def reset_after_fork(self) -> None:
        """Start again in a forked child."""
        self._counter.reset_after_fork()
        self._off_thread = None


def log_off_thread(line: str) -> None:
    """Log a line on a new thread, and wait at most ``OFF_THREAD_SECONDS`` for it.

    A log handler may block, for example if it writes to a full pipe.
    """
    turn, done = unpatched.new_lock(), unpatched.new_lock()
    done.acquire()

    def log() -> None:
        if not turn.acquire(blocking=False):
            return
        try:
            with suppress_app_errors:  # a handler of the app may raise
                logger.warning("%s", line)
        finally:
            done.release()

    try:
        unpatched.start_thread(log)
    except RuntimeError:  # no thread can start at the exit of Python 3.12
        log()
    if not done.acquire(timeout=OFF_THREAD_SECONDS):
        log()  # if the thread has not started: in an old uWSGI it may never run


_guards: Final[WeakSet[Guard]] = WeakSet()


def _reset_after_fork() -> None:
    for guard in _guards:
        guard.reset_after_fork()


@cache
def _register_fork_hook() -> None:
    os.register_at_fork(after_in_child=_reset_after_fork)


class SuppressErrors:
    """Suppresses the errors that ``is_suppressible`` allows; the guard counts and logs them."""

    __slots__ = ("_cause", "_guard")

    def __init__(self, guard: Guard, cause: str) -> None:
        self._guard: Final = guard
        self._cause: Final = cause

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        if error is None or not self._suppresses(error):
            return False
        self._guard.internal_error(self._cause, error)
        return True

    def _suppresses(self, error: BaseException) -> bool:
        return is_suppressible(error)


class SuppressExits(SuppressErrors):
    """Suppresses every exception, ``SystemExit`` and ``KeyboardInterrupt`` included."""

    __slots__ = ()

    def _suppresses(self, _: BaseException) -> bool:
        return True
