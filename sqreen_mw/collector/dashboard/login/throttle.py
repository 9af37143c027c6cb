"""Limit failed login attempts."""

import math
from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Final

from sqreen_mw.protocol.limits import MAX_NAME_LENGTH

WINDOW: Final = 60.0
"""Seconds until a failure no longer counts."""


class LoginThrottle:
    """Limit the failures of each account from each network, and of all accounts from a network.

    Failures never delay another network. Only checked passwords count, so attempts that are
    checked at the same time may exceed a limit by the few that the password queue runs.
    """

    def __init__(self, *, per_account: int = 5, per_network: int = 30) -> None:
        self._accounts = FailureCounter(limit=per_account)
        self._networks = FailureCounter(limit=per_network)

    def wait(self, network: str, name: str, *, now: float) -> int:
        """Return the seconds until an account may try again from a network, or 0."""
        return max(
            self._accounts.wait(_key(network, name), now=now),
            self._networks.wait(network, now=now),
        )

    def failed(self, network: str, name: str, *, now: float) -> None:
        """Count a wrong password."""
        self._accounts.failed(_key(network, name), now=now)
        self._networks.failed(network, now=now)

    def succeeded(self, network: str, name: str) -> None:
        """Remove the account's failures.

        The network's failures stay: an attacker may have a valid account.
        """
        self._accounts.succeeded(_key(network, name))


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

    def succeeded(self, key: Hashable) -> None:
        """Remove all failures of a key."""
        self._failures.pop(key, None)
