"""Callbacks that deliver when the process ends, and the time that they share."""

from collections.abc import Callable
from typing import Final

from sqreen_mw.agent.process.clock import Clock, monotonic

CLOSE_SECONDS: Final = 2.0

SHUTDOWN_SECONDS: Final = 1.8
"""How long all shutdown steps may wait together. Python's own exit needs the rest of 2 seconds."""

LAST_STEP_SECONDS: Final = 0.2
"""The part of the budget that the lifespan leaves to the exit, which fills the spool."""


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
