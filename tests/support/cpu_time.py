"""CPU time of a call, which other processes on the machine hardly change."""

import sys
import time
from collections.abc import Callable
from typing import Final

CALLER_SECONDS: Final = 0.005 if sys.gettrace() is None else 0.05
"""The longest allowed CPU time of a call. Coverage slows it down."""


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the shortest CPU time of several calls."""
    return min(_once(call) for _ in range(5))


def _once(call: Callable[[], object]) -> float:
    begin = time.thread_time()
    call()
    return time.thread_time() - begin
