"""The one place that swallows faults, counts them, and speaks of them without a flood.

Nothing of ours may raise into the app or log in a loop: a fault is logged once per cause and
interval, with the number of those that went unsaid.
"""

import logging
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final
from weakref import WeakSet

from sqreen_mw.agent.process import unpatched
from sqreen_mw.capture.signal_exceptions import is_interruption
from sqreen_mw.capture.text import cut_text
from sqreen_mw.errors import SqreenUsageError


class Tally:
    """Counts by cause. Reentrant, as a signal handler may count in the middle of it."""

    def __init__(self, *, interval: float) -> None:
        """Begin to count.

        Args:
            interval: Seconds in which a cause is spoken of once.
        """
        self._interval: Final = interval
        self._lock = unpatched.new_rlock()
        self._counts: Final[dict[str, int]] = {}
        self._spoken: Final[dict[str, tuple[float, int]]] = {}

    @property
    def counts(self) -> dict[str, int]:
        """How often each cause was met."""
        with self._lock:
            return dict(self._counts)

    def count(self, cause: str) -> int | None:
        """Count, and return how many went unsaid before this one; None if it goes unsaid too."""
        now = time.monotonic()
        with self._lock:
            count = self._counts.get(cause, 0) + 1
            self._counts[cause] = count
            spoken_at, said = self._spoken.get(cause, (-math.inf, 0))
            if now - spoken_at < self._interval:
                return None
            self._spoken[cause] = (now, count)
        return count - said - 1

    def reset_after_fork(self) -> None:
        """Begin anew in a forked child: nobody holds the lock, and what was counted is not its."""
        self._lock = unpatched.new_rlock()
        self._counts.clear()
        self._spoken.clear()


logger: Final = logging.getLogger("sqreen_mw")

MAX_LINE: Final = 1000
"""Characters of a log line."""

LOG_INTERVAL: Final = 30.0
"""Seconds between two log lines of the same cause."""

_ESCAPED: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
"""Control characters, with which what others send could forge a line of the log."""

SAY_SECONDS: Final = 0.5
"""How long a thread that may not be held up waits until its line is logged."""


class Guard:
    """Counts faults by cause, and logs each cause at most once an interval.

    Causes are few and ours; they never hold the app's data. Reentrant, as a log handler of the
    app may track, and track may be at fault.
    """

    def __init__(
        self,
        *,
        scrub: Callable[[str], str] = str,
        strict: bool = False,
        log_interval: float = LOG_INTERVAL,
    ) -> None:
        """Begin to count.

        Args:
            scrub: Masks secrets in a line, as what is wrong may quote the app's data.
            strict: Whether misuse is raised instead of logged.
            log_interval: Seconds between two lines of the same cause.
        """
        self._scrub: Final = scrub
        self._strict: Final = strict
        self._tally: Final = Tally(interval=log_interval)
        self._hurried: int | None = None
        _guards.add(self)

    @property
    def counts(self) -> dict[str, int]:
        """How often each cause was met."""
        return self._tally.counts

    def warn(self, cause: str, message: str, *details: object) -> None:
        """Count a cause, and log its message unless it was logged a moment ago.

        Args:
            cause: A short constant name.
            message: What is wrong and the fix, with ``%`` places for the details.
            details: What fills the places.
        """
        unsaid = self._tally.count(cause)
        if unsaid is None:
            return
        # A detail, a scrubber or a handler of the app may raise: no reason to raise into the app.
        try:
            line = self._line(message, details)
            if unsaid:
                line = f"{line} ({unsaid} more of these since the last line)"
            if unpatched.get_ident() == self._hurried:
                say_beside(line)
            else:
                logger.warning("%s", line)
        except Exception as error:
            if is_interruption(error):
                raise

    def misuse(self, cause: str, message: str, *details: object) -> None:
        """Count and log a call that is wrong, as ``warn`` does.

        Raises:
            SqreenUsageError: Instead of the log line, where ``SQREEN_STRICT=1`` asks for it.
        """
        if self._strict:
            self._tally.count(cause)
            raise SqreenUsageError(self._line(message, details))
        self.warn(cause, message, *details)

    def _line(self, message: str, details: tuple[object, ...]) -> str:
        return cut_text(message % details, MAX_LINE, self._scrub).translate(_ESCAPED)

    def hurry(self) -> None:
        """Log no line on this thread: who holds a lock of a log handler may wait for the thread."""
        self._hurried = unpatched.get_ident()

    def swallow(self, cause: str) -> "Swallow":
        """Return a context in which a fault of ours is counted and logged, and goes no further.

        It holds no state of its own, so one object serves any number of threads.
        """
        return Swallow(self, cause)

    def failed(self, cause: str, error: BaseException) -> None:
        """Count and log a fault of ours, which goes no further."""
        self.warn(cause, "sqreen_mw failed in %s, the app goes on: %r", cause, error)

    def reset_after_fork(self) -> None:
        """Begin anew in a forked child: the other threads are gone, what was counted is not its."""
        self._tally.reset_after_fork()
        self._hurried = None


def say_beside(line: str) -> None:
    """Log a line on a thread of its own, and wait a moment for that, no longer.

    A log handler may take as long as it likes, or for ever where nobody reads what it writes.
    """
    turn, saying = unpatched.new_lock(), unpatched.new_lock()
    saying.acquire()

    def say() -> None:
        if not turn.acquire(blocking=False):
            return
        try:
            with suppress(Exception):  # a handler of the app's
                logger.warning("%s", line)
        finally:
            saying.release()

    try:
        unpatched.start_thread(say)
    except RuntimeError:  # no thread is to be had, as at the exit of Python 3.12
        say()
    if not saying.acquire(timeout=SAY_SECONDS):
        say()  # unless the thread does already: it may never run, as in an old uWSGI


_guards: Final[WeakSet[Guard]] = WeakSet()


def _reset_after_fork() -> None:
    for guard in _guards:
        guard.reset_after_fork()


os.register_at_fork(after_in_child=_reset_after_fork)


class Swallow:
    """Keeps faults from reaching the app.

    Signals to stop, such as KeyboardInterrupt, pass, and so does misuse that is to be raised, and
    what a signal handler of the app raises.
    """

    __slots__ = ("_cause", "_guard")

    def __init__(self, guard: Guard, cause: str) -> None:
        self._guard: Final = guard
        self._cause: Final = cause

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, SqreenUsageError):
            return False
        if is_interruption(error):
            return False
        self._guard.failed(self._cause, error)
        return True
