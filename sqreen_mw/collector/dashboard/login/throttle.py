"""Limit failed login attempts."""

import math
from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Final

from sqreen_mw.protocol.limits import MAX_NAME_LENGTH

WINDOW: Final = 60.0
"""Seconds until a failure no longer counts."""


class LoginThrottle:
    """Limit the failures of each account from each network.

    Failures never delay another account or another network. From a network with many failures,
    each account has one attempt, so guesses at many accounts stay few.
    """

    def __init__(self, *, per_account: int = 5, per_network: int = 30) -> None:
        self._accounts = FailureCounter(limit=per_account)
        self._networks = FailureCounter(limit=per_network)

    def wait(self, network: str, name: str, *, now: float) -> int:
        """Return the seconds until an account may try again from a network, or 0."""
        is_noisy = self._networks.wait(network, now=now) > 0
        return self._accounts.wait(_key(network, name), now=now, limit=1 if is_noisy else None)

    def failed(self, network: str, name: str, *, now: float) -> None:
        """Count a failure."""
        self._accounts.failed(_key(network, name), now=now)
        self._networks.failed(network, now=now)

    def succeeded(self, network: str, name: str, *, at: float) -> None:
        """Remove the account's failures, and the network's failure that was counted at a time.

        The network's other failures stay: an attacker may have a valid account.
        """
        self._accounts.succeeded(_key(network, name))
        self._networks.forgive(network, at=at)

    def forgive(self, network: str, name: str, *, at: float) -> None:
        """Remove the failure that was counted at a time, because nothing was checked."""
        self._accounts.forgive(_key(network, name), at=at)
        self._networks.forgive(network, at=at)


def _key(network: str, name: str) -> tuple[str, str]:
    return network, name[: MAX_NAME_LENGTH + 1].casefold()


class FailureCounter:
    """Count failures per key over a sliding window, in bounded memory.

    Use it on the event loop only. Times are seconds of a monotonic clock.
    """

    def __init__(self, *, limit: int, window: float = WINDOW, keys: int = 10_000) -> None:
        self._limit = limit
        self._window = window
        self._keys = keys
        self._failures: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def wait(self, key: Hashable, *, now: float, limit: int | None = None) -> int:
        """Return the seconds until a key may try again, or 0.

        Args:
            key: The key.
            now: The time.
            limit: A lower limit than the counter's own.
        """
        times, limit = self._failures.get(key), limit or self._limit
        if times is None or len(times) < limit:
            return 0
        return max(0, math.ceil(times[-limit] + self._window - now))

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
