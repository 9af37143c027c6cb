"""Wake waiting readers when a batch is committed."""

import asyncio
import threading
from contextlib import suppress


class Tail:
    """The latest sequence number. Announce it from any thread, await it on any event loop."""

    def __init__(self, seq: int = 0) -> None:
        self._seq = seq
        self._lock = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def announce(self, seq: int) -> None:
        """Wake all waiters. An older number is ignored."""
        with self._lock:
            if seq <= self._seq:
                return
            self._seq = seq
            waiting, self._waiting = self._waiting, set()
        for loop, woken in waiting:
            # A closed loop has no waiters.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(woken.set)

    async def newer_than(self, seq: int, *, timeout: float) -> int:
        """Wait for a number greater than ``seq``. Return the latest number.

        Args:
            seq: The number that the caller has.
            timeout: Maximum seconds to wait.
        """
        woken = asyncio.Event()
        waiter = (asyncio.get_running_loop(), woken)
        with self._lock:
            if self._seq > seq:
                return self._seq
            self._waiting.add(waiter)
        try:
            async with asyncio.timeout(timeout):
                await woken.wait()
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._waiting.discard(waiter)
        return self._seq
