"""How long a call takes whoever calls it, on a machine that others use as well."""

import sys
import time
from collections.abc import Callable
from typing import Final

CALLER_SECONDS: Final = 0.005 if sys.gettrace() is None else 0.05
"""What a call may take at most; measuring coverage slows it down."""


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the CPU time of a call, at its quickest of several times."""
    return min(_once(call) for _ in range(5))


def _once(call: Callable[[], object]) -> float:
    begin = time.thread_time()
    call()
    return time.thread_time() - begin
