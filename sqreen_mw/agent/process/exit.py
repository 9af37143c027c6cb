"""Callbacks that deliver when the process ends, and the time that they share."""

import atexit
import sys
from collections.abc import Callable
from typing import Final

from sqreen_mw.agent.process.kind import is_multiprocessing_child
from sqreen_mw.agent.process.unpatched import Clock, monotonic

CLOSE_SECONDS: Final = 2.0

SHUTDOWN_SECONDS: Final = 1.8
"""How long all shutdown steps may wait together. Python's own exit needs the rest of 2 seconds."""

LAST_STEP_SECONDS: Final = 0.2
"""The part of the budget that the lifespan leaves to the exit, which fills the spool."""

_LAST: Final = -10
"""The priority of our finalizer. Finalizers of the app run earlier, because they may track."""


class ShutdownBudget:
    """One deadline for all shutdown steps: lifespan, SIGTERM and exit.

    The first step sets it. It stays until an event is tracked or a lifespan starts, because a
    process may serve many lifespans, as in tests and on AWS Lambda.
    """

    def __init__(self, clock: Clock = monotonic) -> None:
        self._clock: Final = clock
        self._deadline = 0.0
        self._tracked: int | None = None

    def restart(self) -> None:
        """Give the next step all of the time: the process goes on."""
        self._tracked = None

    def remaining(self, tracked: int, *, reserve: float = 0.0) -> float:
        """Return how many seconds a shutdown step may wait.

        Args:
            tracked: The number of events tracked so far in this process.
            reserve: Seconds to leave for a later step.
        """
        now = self._clock()
        if tracked != self._tracked:
            self._tracked = tracked
            self._deadline = now + SHUTDOWN_SECONDS
        return max(0.0, self._deadline - reserve - now)


SHUTDOWN_BUDGET: Final = ShutdownBudget()


_callbacks: Final[list[Callable[[], None]]] = []


def on_exit(callback: Callable[[], None]) -> None:
    """Call a function when the process ends."""
    _callbacks.append(callback)


def run_exit_callbacks() -> None:
    """Call the functions, in the order in which they were registered."""
    for callback in _callbacks:
        callback()


def register_worker_exit_hooks() -> None:
    """Deliver at the end of a worker that runs no exit handlers."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None and is_multiprocessing_child():
        util.Finalize(None, run_exit_callbacks, exitpriority=_LAST)
        # Python 3.13 runs finalizers in an exit handler, which would come after ours.
        atexit.unregister(run_exit_callbacks)
    signals = sys.modules.get("celery.signals")
    if signals is not None:
        connect = signals.worker_process_shutdown.connect
        connect(_end_celery_worker, weak=False, dispatch_uid=__name__)


def _end_celery_worker(**_: object) -> None:
    run_exit_callbacks()
