"""How often each fault was met, and whether it is time to speak of it again."""

import math
import time
from typing import Final

from sqreen_mw.agent.native import native


class Tally:
    """Counts by cause. Reentrant, as a signal handler may count in the middle of it."""

    def __init__(self, *, interval: float) -> None:
        """Begin to count.

        Args:
            interval: Seconds in which a cause is spoken of once.
        """
        self._interval: Final = interval
        self._lock = native("_thread", "RLock")()
        self._counts: Final[dict[str, int]] = {}
        self._spoken: Final[dict[str, tuple[float, int]]] = {}

    @property
    def counts(self) -> dict[str, int]:
        """How often each cause was met."""
        with self._lock:
            return dict(self._counts)

    def count(self, cause: str) -> int | None:
        """Count, and return how many went unsaid before this one; None if it goes unsaid too."""
        now = time.monotonic()
        with self._lock:
            count = self._counts.get(cause, 0) + 1
            self._counts[cause] = count
            spoken_at, said = self._spoken.get(cause, (-math.inf, 0))
            if now - spoken_at < self._interval:
                return None
            self._spoken[cause] = (now, count)
        return count - said - 1

    def renew(self) -> None:
        """Begin anew in a forked child: nobody holds the lock, and what was counted is not its."""
        self._lock = native("_thread", "RLock")()
        self._counts.clear()
        self._spoken.clear()
