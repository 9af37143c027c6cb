"""The flusher: one native thread with one event loop, which batches and sends what was tracked.

It belongs to the process that made it. Its thread is born with the first event, never at import,
and is waited for only by ``flush`` and ``close``, with a deadline.
"""

import _thread
import asyncio
import contextvars
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqreen_mw.agent.delivery.buffer import Buffer
from sqreen_mw.agent.delivery.loop import OwnResolverLoop
from sqreen_mw.agent.delivery.outbox import Outbox
from sqreen_mw.agent.delivery.polling import apoll, poll
from sqreen_mw.agent.delivery.transport import Transport
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.pending import PendingEvent
from sqreen_mw.protocol.batch import Envelope

CLOSE_CLIENT_SECONDS: Final = 0.3
LOOK_AGAIN_SECONDS: Final = 0.1
"""How soon to look again at events that only wait for their request to end."""

# call_soon_threadsafe copies the caller's context by default, which would keep the request alive.
_EMPTY_CONTEXT: Final = contextvars.Context()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a flusher needs, so that each process can make its own.

    Attributes:
        open_transport: Makes the way out.
        seal: Turns an event into bytes, on the flusher's thread; None if the app drops it.
        header: What each batch says of the app.
        interval: Seconds that an event waits for others to travel with.
        guard: Counts and logs faults.
    """

    open_transport: Callable[[], Transport]
    seal: Callable[[PendingEvent], bytes | None]
    header: Envelope
    interval: float
    guard: Guard


class Flusher:
    """Takes events from any thread, and delivers them from its own.

    Attributes:
        pid: The process that it belongs to.
        buffer: What waits, and the counts of what became of everything.
        finished: Whether its thread has come to its end.
    """

    def __init__(self, delivery: Delivery) -> None:
        self.pid: Final = os.getpid()
        self.buffer: Final = Buffer()
        self._interval: Final = delivery.interval
        self._guard: Final = delivery.guard
        self._transport: Final = delivery.open_transport()
        self._outbox: Final = Outbox(
            buffer=self.buffer,
            transport=self._transport,
            seal=delivery.seal,
            header=delivery.header,
            guard=delivery.guard,
        )
        self._started = False
        self.finished = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        # Monotonic seconds: all that was tracked before is wanted, tried, or known to be settled.
        self._flush_wanted = 0.0
        self._flush_tried = 0.0
        self._flush_done = 0.0
        self._deadline: float | None = None
        self._tried_to_close = False
        self._not_before = 0.0
        self._told_overflow = 0

    @property
    def closed(self) -> bool:
        """Whether no more events are taken."""
        return self._deadline is not None

    def put(self, event: PendingEvent) -> bool:
        """Queue an event, and tell whether it was taken; after ``close`` none is."""
        if self._deadline is not None:
            self.buffer.refused("closed")
            return False
        on_edge = self.buffer.put(event)
        if not self._started:
            self._start()
        elif on_edge:
            self._wake()
        return True

    def flush(self, seconds: float) -> bool:
        """Wait until all that was tracked before is settled; False if the time did not do."""
        return poll(self._flushed(), seconds)

    async def aflush(self, seconds: float) -> bool:
        """Do as ``flush`` does, on the caller's event loop."""
        return await apoll(self._flushed(), seconds)

    def close(self, seconds: float) -> int:
        """Send what waits, stop the thread, and return how many events were left over.

        Those are counted as dropped. The caller never waits longer than the seconds, whatever the
        thread does.
        """
        poll(self._closed(seconds), seconds)
        return self.buffer.abandon("exit")

    async def aclose(self, seconds: float) -> int:
        """Do as ``close`` does, on the caller's event loop."""
        await apoll(self._closed(seconds), seconds)
        return self.buffer.abandon("exit")

    def _flushed(self) -> Callable[[], bool]:
        """Ask for a flush, and return what tells whether it is done."""
        if not self._started:
            return lambda: self.buffer.waiting == 0
        wanted = self._flush_wanted = time.monotonic()
        self._wake()
        return lambda: self._flush_done >= wanted or (self.finished and not self.buffer.waiting)

    def _closed(self, seconds: float) -> Callable[[], bool]:
        """Ask for the end, and return what tells whether it has come."""
        if self._deadline is None:
            self._deadline = time.monotonic() + seconds
            self._wake()
        return lambda: self.finished or not self._started

    def _start(self) -> None:
        self._started = True
        try:
            # Not threading.Thread, which takes over the caller's context, is joined at exit, and
            # is what other tools wrap.
            _thread.start_new_thread(self._run, ())
        except RuntimeError as error:
            message = "the flusher's thread can't start, so no event leaves: %s"
            self._guard.warn("thread", message, error)

    def _wake(self) -> None:
        loop = self._loop
        if loop is None:
            return  # not ready yet: it looks at the queue as soon as it is
        try:
            loop.call_soon_threadsafe(self._woken.set, context=_EMPTY_CONTEXT)
        except RuntimeError:
            return  # closed: there is nobody left to wake

    def _run(self) -> None:
        # Debuggers and coverage don't see a raw thread unless it takes over their hook.
        sys.settrace(threading.gettrace())
        loop = OwnResolverLoop()
        try:
            with self._guard.swallow("flusher"):
                loop.run_until_complete(self._main())
        finally:
            loop.close()
            self.finished = True

    async def _main(self) -> None:
        # An event that was queued before this is seen by the first look at the queue.
        self._loop = asyncio.get_running_loop()
        while not self._over():
            self._woken.clear()
            due = self._due()
            if due is None or due > time.monotonic():
                await self._sleep_until(due)
            else:
                await self._turn()
        async with asyncio.timeout(CLOSE_CLIENT_SECONDS):
            await self._transport.close()

    def _over(self) -> bool:
        """Tell whether it is closed, and nothing is left that could be tried in time."""
        if self._deadline is None:
            return False
        next_try = self._outbox.retry_at if self._tried_to_close else 0.0
        return self.buffer.waiting == 0 or max(time.monotonic(), next_try) >= self._deadline

    def _due(self) -> float | None:
        """Return the monotonic seconds at which there is something to do, or None if nothing."""
        closing = self._deadline is not None
        if self._flush_wanted > self._flush_tried or (closing and not self._tried_to_close):
            return 0.0
        if not self._outbox.empty:
            return self._outbox.retry_at
        oldest = self.buffer.oldest()
        if oldest is None:
            return None
        if closing or self._flush_wanted > self._flush_done:
            return 0.0
        return (
            self._not_before if self.buffer.full else max(oldest + self._interval, self._not_before)
        )

    async def _sleep_until(self, due: float | None) -> None:
        ends = [end for end in (due, self._deadline) if end is not None]
        seconds = min(ends) - time.monotonic() if ends else None
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _turn(self) -> None:
        """Cut if nothing is under way, send one batch, and see whether a flush is done."""
        wanted, deadline = self._flush_wanted, self._deadline
        everything = wanted > self._flush_done or deadline is not None
        self._flush_tried, self._tried_to_close = wanted, deadline is not None
        self._tell_overflow()
        if self._outbox.empty:
            self._outbox.cut(everything=everything)
        if self._outbox.empty:
            self._not_before = time.monotonic() + LOOK_AGAIN_SECONDS
        else:
            await self._outbox.send(deadline=deadline)
        oldest = self.buffer.oldest()
        if self._outbox.empty and (oldest is None or oldest > wanted):
            self._flush_done = wanted

    def _tell_overflow(self) -> None:
        """Say that the queue overflows; here, as the app's own threads only count it."""
        lost = self.buffer.overflowed
        if lost > self._told_overflow:
            self._told_overflow = lost
            message = "the queue is full: %d events are lost so far, the oldest first"
            self._guard.warn("overflow", message, lost)
