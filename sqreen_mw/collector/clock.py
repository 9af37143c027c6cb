"""The collector's clock. Tests pass their own."""

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], int]
"""Returns milliseconds since the epoch, UTC."""


def system_clock() -> int:
    """Return the system time in milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000
