"""The flusher: one native thread with one event loop, which batches and sends what was tracked.

It belongs to the process that made it. Its thread is born with the first event, never at import,
and is waited for only by ``flush`` and ``close``, with a deadline.
"""

import asyncio
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Final

from msgspec import structs

from sqreen_mw.agent.delivery.control import FlushControl, apoll, poll
from sqreen_mw.agent.delivery.heartbeat import HeartbeatSender
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.retry import RetryPolicy
from sqreen_mw.agent.delivery.scheduler import Dispatcher
from sqreen_mw.agent.delivery.sender import BatchSender
from sqreen_mw.agent.delivery.spool.base import Spool, no_spool
from sqreen_mw.agent.delivery.transports.base import AcceptsHeartbeats, Transport
from sqreen_mw.agent.delivery.transports.dns import OwnResolverLoop
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.pending import PendingEvent
from sqreen_mw.agent.process import unpatched
from sqreen_mw.agent.process.sigterm import install_sigterm_handler
from sqreen_mw.agent.process.workers import is_uwsgi_master, register_worker_exit_hooks
from sqreen_mw.app_errors import raised_by_signal_handler
from sqreen_mw.protocol.batch import Envelope
from sqreen_mw.protocol.event_id import new_event_id

CLOSE_CLIENT_SECONDS: Final = 0.3
AWAKE_SECONDS: Final = 5.0
"""How long a new thread may take until it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlusherConfig:
    """What a flusher needs, so that each process can make its own.

    Attributes:
        open_transport: Makes the way out.
        seal: Turns an event into bytes, on the flusher's thread; None if the app drops it.
        header: What each batch says of the app.
        interval: Seconds that an event waits for others to travel with.
        guard: Counts and logs faults.
        beats: Whether the other side is told once a minute how the process is.
        make_queue: Makes the queue.
        open_spool: Makes the place for what can't be delivered.
        pace: How long it waits for what.
    """

    open_transport: Callable[[], Transport]
    seal: Callable[[PendingEvent], bytes | None]
    header: Envelope
    interval: float
    guard: Guard
    beats: bool = False
    make_queue: Callable[[], EventQueue] = EventQueue
    open_spool: Callable[[EventQueue], Spool] = no_spool
    pace: RetryPolicy = field(default_factory=RetryPolicy)


class Flusher:
    """Takes events from any thread, and delivers them from its own.

    Attributes:
        pid: The process that it belongs to.
        buffer: What waits, and the counts of what became of everything.
        started: Whether it has a thread.
        finished: Whether its thread has come to its end.
    """

    def __init__(self, delivery: FlusherConfig) -> None:
        self.pid: Final = os.getpid()
        self.buffer: Final = delivery.make_queue()
        self._guard: Final = delivery.guard
        self._transport: Final = delivery.open_transport()
        self._listener: Final = _listener(self._transport) if delivery.beats else None
        self._header: Final = structs.replace(delivery.header, instance_id=new_event_id())
        self._wishes: Final = FlushControl()
        outbox = BatchSender(
            buffer=self.buffer,
            transport=self._transport,
            header=self._header,
            guard=delivery.guard,
            pace=delivery.pace,
            spool=delivery.open_spool(self.buffer),
        )
        self._dispatcher: Final = Dispatcher(
            buffer=self.buffer,
            outbox=outbox,
            wishes=self._wishes,
            seal=delivery.seal,
            interval=delivery.interval,
            guard=delivery.guard,
        )
        # The thread that takes it delivers, and keeps it: no two that are made together do.
        self._birth: Final = unpatched.new_lock()
        self.started: bool = False
        self._born_at = 0.0
        self._awake = False
        self._thread: int | None = None
        self.finished: bool = False

    @property
    def closed(self) -> bool:
        """Whether no more events are taken."""
        return self._wishes.closing

    def put(self, event: PendingEvent) -> bool:
        """Queue an event, and tell whether it was taken; after ``close`` none is."""
        if self._wishes.deadline is not None:
            self.buffer.refused("closed")
            self._guard.warn("closed", "an event is lost, closed: it was tracked after close()")
            return False
        try:
            on_edge = self.buffer.put(event)
            if not self._awake:
                self._ensure_started()
            elif on_edge:
                self._dispatcher.wake()
        except BaseException:  # a signal handler of the app raised: the event may be queued
            self._dispatcher.wake()
            raise
        return True

    def ensure_started(self) -> None:
        """Have the thread without an event: it says that the process lives, and looks for a spool.

        Where nobody listens to that there is none until an event comes.
        """
        if not self.started and not self.closed and self._listener is not None:
            self._start()

    def adopt_queue(self, parent: "Flusher") -> None:
        """Take over what was queued in a parent that has no thread to send it.

        One that has keeps its events; those of a worker that was started anew come twice, with
        the ids that they had.
        """
        if parent.started:
            return
        while events := parent.buffer.take_ready(math.inf, wanted=math.inf):
            for event in events:
                self.buffer.put(event)

    def flush(self, seconds: float) -> bool:
        """Wait until all that was tracked before is settled; False if the time did not do."""
        return poll(self._flushed(), self._patience(seconds))

    async def aflush(self, seconds: float) -> bool:
        """Do as ``flush`` does, on the caller's event loop."""
        return await apoll(self._flushed(), self._patience(seconds))

    def close(self, seconds: float) -> int:
        """Send what waits, stop the thread, and return how many events were left over.

        Those are counted as dropped. The caller never waits longer than the seconds, whatever the
        thread does.
        """
        done = self._closed(seconds)
        if self._needs_this_thread():
            self._deliver()
        poll(done, self._patience(seconds))
        return self.buffer.abandon("exit")

    async def aclose(self, seconds: float) -> int:
        """Do as ``close`` does, on the caller's event loop."""
        await apoll(self._closed(seconds), self._patience(seconds))
        return self.buffer.abandon("exit")

    def _patience(self, seconds: float) -> float:
        """Return how long a caller may wait: not at all for what is never done meanwhile.

        That is where no thread is to be had, or where the app's hook calls, on the thread itself.
        """
        waits_for_itself = unpatched.get_ident() == self._thread
        return seconds if self.started and not waits_for_itself else 0.0

    def _needs_this_thread(self) -> bool:
        """Tell whether no thread is to be had, as at the exit of Python 3.12, and this one can."""
        if self.started or not self.buffer.waiting:
            return False
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            return False
        taken: bool = self._birth.acquire(blocking=False)
        return taken

    def _flushed(self) -> Callable[[], bool]:
        """Ask for a flush, and return what tells whether it is done."""
        if self.buffer.waiting and not self.started:
            self._start()
        wishes = self._wishes
        wanted = wishes.flush_requested_at = time.monotonic()
        self._dispatcher.wake()
        return lambda: wishes.flushed_up_to >= wanted or not self.buffer.waiting

    def _closed(self, seconds: float) -> Callable[[], bool]:
        """Ask for the end, and return what tells whether it has come."""
        if self.buffer.waiting and not self.started:
            self._start()
        if self._wishes.deadline is None:
            self._wishes.deadline = time.monotonic() + seconds
            self._dispatcher.wake()
        return lambda: self.finished or not self.started

    def _ensure_started(self) -> None:
        """Make the thread, or say that there is one which does not run."""
        if not self.started:
            self._start()
        elif time.monotonic() - self._born_at > AWAKE_SECONDS:
            message = "the flusher's thread does not run, give uWSGI the option enable-threads"
            self._guard.warn("asleep", message)

    def _start(self) -> None:
        """Make the thread; where none is to be had, the next event tries again."""
        if is_uwsgi_master():
            return
        self._born_at = time.monotonic()
        try:
            self.started = True
            install_sigterm_handler()
            register_worker_exit_hooks()
            # Not threading.Thread, which takes over the caller's context, is joined at exit, and
            # is what other tools wrap.
            unpatched.start_thread(self._run)
        except BaseException as error:
            self.started = self._thread is not None
            if raised_by_signal_handler(error) or not isinstance(error, RuntimeError):
                raise
            self._say_unborn(error)

    def _say_unborn(self, error: RuntimeError | OSError) -> None:
        if not _at_exit(error):
            message = "delivery can't start, so events wait for the next one, or for the exit: %s"
            self._guard.warn("birth", message, error)

    def _run(self) -> None:
        if not self._birth.acquire(blocking=False):
            return
        self.started = True
        self._guard.log_off_thread_here()
        # Debuggers and coverage don't see a raw thread unless it takes over their hook.
        sys.settrace(threading.gettrace())
        self._deliver()

    def _deliver(self) -> None:
        """Deliver until the end is wanted, on this thread; or let the next event try again."""
        self._thread = unpatched.get_ident()
        try:
            loop = OwnResolverLoop(before_blocking=self._dispatcher.keep_sending)
        except OSError as error:  # no descriptor is free
            self._thread = None
            self.started = False
            self._birth.release()
            self._say_unborn(error)
            return
        try:
            loop.run_until_complete(self._main())
        except BaseException as error:  # noqa: BLE001 nobody else would ever know
            self._guard.internal_error("flusher", error)
        finally:
            loop.close()
            self.finished = True

    async def _main(self) -> None:
        self._awake = True
        async with self._heart():
            await self._dispatcher.run()
        async with asyncio.timeout(CLOSE_CLIENT_SECONDS):
            await self._transport.close()

    def _heart(self) -> AbstractAsyncContextManager[None]:
        """Return what beats while the thread lives, where somebody listens."""
        if self._listener is None:
            return nullcontext()
        return HeartbeatSender(
            transport=self._listener,
            header=self._header,
            stats=lambda: self.buffer.stats(self._guard.counts),
            deadline=lambda: self._wishes.deadline,
            guard=self._guard,
        )


def _listener(transport: Transport) -> AcceptsHeartbeats | None:
    return transport if isinstance(transport, AcceptsHeartbeats) else None


def _at_exit(error: RuntimeError | OSError) -> bool:
    """Tell whether no thread can start any more, as the interpreter of Python 3.12 then says."""
    return "shutdown" in str(error)
