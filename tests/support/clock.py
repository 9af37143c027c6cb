"""A clock that tests move forward, so that no test sleeps through an interval."""

from collections.abc import Callable

from sqreen_mw.agent.process.unpatched import monotonic


class JumpingClock:
    """The monotonic clock, plus the seconds that the test has skipped.

    Attributes:
        on_jump: Called after each jump: whoever sleeps until a moment looks again.
    """

    def __init__(self) -> None:
        self.on_jump: list[Callable[[], None]] = []
        self._skipped = 0.0
        self._frozen_at: float | None = None

    def __call__(self) -> float:
        """Return monotonic seconds."""
        now = monotonic() if self._frozen_at is None else self._frozen_at
        return now + self._skipped

    def freeze(self) -> None:
        """Stop the clock, so that only ``skip`` moves it."""
        self._frozen_at = monotonic()

    def skip(self, seconds: float) -> None:
        """Jump forward."""
        self._skipped += seconds
        for look_again in self.on_jump:
            look_again()
