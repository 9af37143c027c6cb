"""The clocks of the agent.

Libraries that freeze time in tests, such as freezegun and time-machine, change the timestamps of
events. They change no delay, age or timeout of delivery.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Returns seconds, monotonic ones unless its name says otherwise."""

monotonic: Final[Clock] = (
    # freezegun replaces time.monotonic, but not this function. On macOS CLOCK_MONOTONIC also runs
    # while the machine sleeps, which CLOCK_UPTIME_RAW does not.
    partial(time.clock_gettime, getattr(time, "CLOCK_UPTIME_RAW", time.CLOCK_MONOTONIC))
    if hasattr(time, "clock_gettime")
    else time.monotonic
)


# CLOCK_REALTIME_COARSE of Linux, which Python has no name for. time-machine replaces
# CLOCK_REALTIME, and freezegun replaces time.time.
_REAL_TIME: Final = 5 if sys.platform == "linux" else getattr(time, "CLOCK_REALTIME", 0)


def system_time() -> float:
    """Return the seconds since the epoch, even if the app's clock is replaced."""
    return time.clock_gettime(_REAL_TIME) if hasattr(time, "clock_gettime") else time.time()


def epoch_ms() -> int:
    """Return the milliseconds since the epoch by the app's clock, which tests may replace."""
    return time.time_ns() // 1_000_000
