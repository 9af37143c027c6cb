"""Limit failed login attempts."""

import math
from collections import OrderedDict, deque
from collections.abc import Hashable


class Throttle:
    """Count failures per key over a sliding window, in bounded memory.

    Use it on the event loop only. Times are seconds of a monotonic clock.
    """

    def __init__(self, *, limit: int, window: float, keys: int = 10_000) -> None:
        self._limit = limit
        self._window = window
        self._keys = keys
        self._failures: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def wait(self, key: Hashable, *, now: float) -> int:
        """Return the seconds until a key may try again, or 0."""
        times = self._failures.get(key)
        if times is None or len(times) < self._limit:
            return 0
        return max(0, math.ceil(times[0] + self._window - now))

    def failed(self, key: Hashable, *, now: float) -> None:
        """Count a failure. If there are too many keys, drop the least recent one."""
        times = self._failures.setdefault(key, deque(maxlen=self._limit))
        times.append(now)
        self._failures.move_to_end(key)
        if len(self._failures) > self._keys:
            self._failures.popitem(last=False)

    def forgive(self, key: Hashable, *, at: float) -> None:
        """Remove the failure that was counted at a time, if it is still there."""
        times = self._failures.get(key)
        if times is not None and at in times:
            times.remove(at)

    def succeeded(self, key: Hashable) -> None:
        """Remove all failures of a key."""
        self._failures.pop(key, None)
