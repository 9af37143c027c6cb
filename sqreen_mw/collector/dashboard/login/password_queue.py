"""A short queue for password checks, which must not delay anything else."""

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar

_Result = TypeVar("_Result")

AT_ONCE: Final = 2
"""Checks at the same time. Each takes 64 MiB and several threads for some 50 ms."""

_NICENESS: Final = 10


class QueueFullError(Exception):
    """Too many passwords wait to be checked."""


class PasswordQueue:
    """Run password checks on threads of low priority, a few at the same time.

    Use it on the event loop only.

    Args:
        limit: Maximum number of checks that run or wait.
        per_client: Maximum number of checks of one client that run or wait.
    """

    def __init__(self, *, limit: int = 12, per_client: int = 3) -> None:
        self._limit = limit
        self._per_client = per_client
        self._held: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(
            AT_ONCE, thread_name_prefix="sqreen-passwords", initializer=_lower_priority
        )

    async def run(self, check: Callable[[], _Result], *, client: str) -> _Result:
        """Run a check when it is its turn, and return its result.

        Raises:
            QueueFullError: The queue is full, or this client's part of it.
        """
        if self._held.total() >= self._limit or self._held[client] >= self._per_client:
            raise QueueFullError
        self._held[client] += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, check)
        future.add_done_callback(lambda _: self._release(client))
        return await future

    def _release(self, client: str) -> None:
        self._held[client] -= 1
        if not self._held[client]:
            del self._held[client]


def _lower_priority() -> None:
    # On Linux each thread has its own priority, and the threads that Argon2 starts inherit it.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
