"""Flush and close requests, shared between the app's threads and the flusher, and waiting for them.

No lock is shared: the GIL makes each write of an attribute atomic.
"""

import asyncio
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sqreen_mw.agent.process import unpatched
from sqreen_mw.agent.process.unpatched import Clock

POLL_SECONDS: Final = 0.005


class FlushControl:
    """Moments in monotonic seconds.

    Attributes:
        requests: Requests of the app's threads that the flusher has not read yet.
        flush_requested_at: Up to which moment a flush was requested; set by ``read_requests``.
        flushed_up_to: Up to which request flushes are done; set by the flusher.
        close_deadline: When the flusher has to be finished; None if it is not being closed.
    """

    __slots__ = ("close_deadline", "flush_requested_at", "flushed_up_to", "requests")

    def __init__(self) -> None:
        self.requests: Final[deque[float]] = deque()
        self.flush_requested_at: float = 0.0
        self.flushed_up_to: float = 0.0
        self.close_deadline: float | None = None

    def request_flush(self, moment: float) -> None:
        """Request that events tracked until a moment are flushed; callable from any thread."""
        self.requests.append(moment)

    def read_requests(self) -> None:
        """Read the requests of the app's threads; called by the flusher."""
        while self.requests:
            self.flush_requested_at = max(self.flush_requested_at, self.requests.popleft())


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
    if done():
        return True
    # Imported here: only an app with an event loop needs it, and has loaded it.
    from anyio import Event, sleep

    ended, end = Event(), clock() + seconds
    call_soon, is_cancelled = _call_soon_threadsafe(), False

    def wait() -> None:
        sys.settrace(threading.gettrace())  # debuggers and coverage see a raw thread only so
        while not (is_cancelled or done() or clock() >= end):
            unpatched.sleep(POLL_SECONDS)
        with suppress(RuntimeError):  # the loop is closed
            call_soon(ended.set)

    try:
        unpatched.start_thread(wait)
    except RuntimeError:
        while not done():
            if clock() >= end:
                return False
            await sleep(POLL_SECONDS)
        return True
    try:
        await ended.wait()
    finally:
        is_cancelled = True
    return done()


def _call_soon_threadsafe() -> Callable[[Callable[[], object]], object]:
    """Return a function that calls another one in the present event loop, from any thread."""
    with suppress(RuntimeError):
        return asyncio.get_running_loop().call_soon_threadsafe
    from trio.lowlevel import current_trio_token

    return current_trio_token().run_sync_soon
