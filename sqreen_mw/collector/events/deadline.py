"""The time limit of a read."""

import math
import time


class Deadline:
    """The end of a read. Another thread may cancel the read before.

    Args:
        seconds: Length of the read. It counts from ``start``.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_cancelled = False
        self._end = math.inf

    def start(self) -> "Deadline":
        """Start the clock, and return the deadline."""
        self._end = time.monotonic() + self.seconds
        return self

    def cancel(self) -> None:
        """End the read soon."""
        self.is_cancelled = True

    @property
    def is_over(self) -> bool:
        """True if the read must end."""
        return self.is_cancelled or time.monotonic() >= self._end
