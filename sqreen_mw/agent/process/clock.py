"""The clocks of the agent.

Libraries that freeze time in tests change the wall clock, but not the monotonic one.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Returns monotonic seconds."""

monotonic: Final[Clock] = (
    # freezegun and time-machine replace time.monotonic, but not this function. On macOS
    # CLOCK_MONOTONIC also runs while the machine sleeps, which CLOCK_UPTIME_RAW does not.
    partial(time.clock_gettime, getattr(time, "CLOCK_UPTIME_RAW", time.CLOCK_MONOTONIC))
    if hasattr(time, "clock_gettime")
    else time.monotonic
)


def epoch_ms() -> int:
    """Return the wall clock in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
