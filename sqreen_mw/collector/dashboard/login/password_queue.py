"""A short queue for password checks."""

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import anyio
from anyio.to_thread import run_sync

_Result = TypeVar("_Result")


class QueueFullError(Exception):
    """Too many passwords wait to be checked."""


class PasswordQueue:
    """Run password checks in threads, up to a limit.

    Use it on the event loop only.

    Args:
        limit: Maximum number of checks that run or wait. A client without a check finds a place
            up to twice this number.
        per_client: Maximum number of checks of one client that run or wait.
    """

    def __init__(self, *, limit: int = 12, per_client: int = 3) -> None:
        self._limit = limit
        self._per_client = per_client
        self._held: Counter[str] = Counter()
        self._threads = anyio.CapacityLimiter(limit)

    async def run(self, check: Callable[[], _Result], *, client: str) -> _Result:
        """Run a check and return its result.

        Raises:
            QueueFullError: The queue is full, or this client's part of it.
        """
        of_client = self._held[client]
        most = self._limit if of_client else 2 * self._limit
        if of_client >= self._per_client or self._held.total() >= most:
            raise QueueFullError
        self._held[client] += 1
        try:
            return await run_sync(check, limiter=self._threads)
        finally:
            self._held[client] -= 1
            if not self._held[client]:
                del self._held[client]
