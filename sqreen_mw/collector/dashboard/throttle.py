"""A brake on guessing: how long somebody who failed too often has to wait."""

import math
from collections import OrderedDict, deque
from collections.abc import Hashable


class Throttle:
    """Counts failures per key in this process, over a sliding window; bounded in memory.

    Not safe across threads: it is used on the event loop only. Times are seconds of one clock.
    """

    def __init__(self, *, limit: int, window: float, keys: int = 10_000) -> None:
        self._limit = limit
        self._window = window
        self._keys = keys
        self._failures: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def wait(self, key: Hashable, *, now: float) -> int:
        """Return the whole seconds until a key may try again, 0 if it may now."""
        times = self._failures.get(key)
        if times is None or len(times) < self._limit:
            return 0
        return max(0, math.ceil(times[0] + self._window - now))

    def failed(self, key: Hashable, *, now: float) -> None:
        """Count a failure; where there are too many keys the longest quiet one is forgotten."""
        times = self._failures.setdefault(key, deque(maxlen=self._limit))
        times.append(now)
        self._failures.move_to_end(key)
        if len(self._failures) > self._keys:
            self._failures.popitem(last=False)

    def forgive(self, key: Hashable, *, at: float) -> None:
        """Take back the failure that was counted at a time, if it still counts."""
        times = self._failures.get(key)
        if times is not None and at in times:
            times.remove(at)

    def succeeded(self, key: Hashable) -> None:
        """Forget a key's failures."""
        self._failures.pop(key, None)
