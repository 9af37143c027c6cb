"""A clock that tests move forward, so that no test sleeps through an interval."""

from collections.abc import Callable

from sqreen_mw.agent.process.clock import monotonic


class JumpingClock:
    """The monotonic clock, plus the seconds that the test has skipped.

    Attributes:
        on_jump: Called after each jump: whoever sleeps until a moment looks again.
    """

    def __init__(self) -> None:
        self.on_jump: list[Callable[[], None]] = []
        self._skipped = 0.0

    def __call__(self) -> float:
        """Return monotonic seconds."""
        return monotonic() + self._skipped

    def skip(self, seconds: float) -> None:
        """Jump forward."""
        self._skipped += seconds
        for look_again in self.on_jump:
            look_again()
