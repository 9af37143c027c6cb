"""The collector's clock: what needs the time is given a clock, so that a test can give its own."""

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], int]
"""Returns the time in milliseconds since the epoch, UTC."""


def system_clock() -> int:
    """Return the system's time in milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000
