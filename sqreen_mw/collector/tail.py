"""The tail of the store: who waits for new events is woken when a batch is committed."""

import asyncio
import threading
from contextlib import suppress


class Tail:
    """The latest sequence number, announced from any thread, awaited on any event loop."""

    def __init__(self, seq: int = 0) -> None:
        self._seq = seq
        self._lock = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def announce(self, seq: int) -> None:
        """Wake those who wait for events newer than theirs; an older number changes nothing."""
        with self._lock:
            if seq <= self._seq:
                return
            self._seq = seq
            waiting, self._waiting = self._waiting, set()
        for loop, woken in waiting:
            # A loop that was closed, now or before, has nobody left to wake.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(woken.set)

    async def newer_than(self, seq: int, *, timeout: float) -> int:
        """Return the latest number: at once if it is greater, else once it is, or after a while.

        Args:
            seq: The number that the caller knows.
            timeout: Seconds to wait at most.
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
