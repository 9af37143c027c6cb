"""Flush and close requests, shared between the app's threads and the flusher, and waiting for them.

No lock is shared: the GIL makes each write of an attribute atomic.
"""

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from sqreen_mw.agent.process import unpatched
from sqreen_mw.agent.process.clock import Clock

POLL_SECONDS: Final = 0.005


class FlushControl:
    """Moments in monotonic seconds.

    Attributes:
        flushed_up_to: Up to which request flushes are done; set by the flusher.
        close_deadline: When the flusher has to be finished; None if it is not being closed.
    """

    __slots__ = ("_flush_requested_at", "_requests", "close_deadline", "flushed_up_to")

    def __init__(self) -> None:
        self.flushed_up_to: float = 0.0
        self.close_deadline: float | None = None
        self._requests: Final[deque[float]] = deque()
        self._flush_requested_at = 0.0

    def request_flush(self, moment: float) -> None:
        """Request that events tracked until a moment are flushed; callable from any thread."""
        self._requests.append(moment)

    def flush_requested_at(self) -> float:
        """Return up to which moment a flush was requested; called by the flusher."""
        while self._requests:
            self._flush_requested_at = max(self._flush_requested_at, self._requests.popleft())
        return self._flush_requested_at


def wait_until(done: Callable[[], bool], seconds: float, *, clock: Clock) -> bool:
    """Wait for a condition, at most ``seconds``; return whether it holds.

    ``time.sleep`` is looked up at each call: gevent replaces it by its own, which lets other
    greenlets run.
    """
    end = clock() + seconds
    while not done():
        if clock() >= end:
            return False
        try:
            time.sleep(POLL_SECONDS)
        except AssertionError:  # gevent's hub, which runs signal handlers, must not switch
            unpatched.sleep(POLL_SECONDS)
    return True


async def await_until(done: Callable[[], bool], seconds: float, *, clock: Clock) -> bool:
    """Wait like ``wait_until``, without blocking the caller's event loop (asyncio or trio).

    A thread waits, because the loop's own clock may be frozen. If none can start, the loop polls.
    """
    # Imported here: only an app with an event loop needs it, and has loaded it.
    from anyio import CapacityLimiter, sleep, to_thread

    is_over = False

    def is_done() -> bool:
        return is_over or done()

    wait = partial(wait_until, is_done, seconds, clock=clock)
    try:
        return await to_thread.run_sync(wait, abandon_on_cancel=True, limiter=CapacityLimiter(1))
    except RuntimeError:
        end = clock() + seconds
        while not done():
            if clock() >= end:
                return False
            await sleep(POLL_SECONDS)
        return True
    finally:
        is_over = True  # if the caller is cancelled, the thread ends
