"""The flusher of a process: a native thread with an event loop that delivers queued events.

The thread starts with the first event or request, never at import. Only ``flush`` and ``close``
wait for it, with a deadline.
"""

import asyncio
import math
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from msgspec import structs

from sqreen_mw.agent.calls import Stats
from sqreen_mw.agent.delivery.control import FlushControl, await_until, wait_until
from sqreen_mw.agent.delivery.driver import DeliveryDriver
from sqreen_mw.agent.delivery.flusher_config import FlusherConfig
from sqreen_mw.agent.delivery.heartbeat import LAST_TIMEOUT_SECONDS, HeartbeatSender
from sqreen_mw.agent.delivery.interfaces import AcceptsHeartbeats
from sqreen_mw.agent.delivery.sender import BatchSender
from sqreen_mw.agent.delivery.transports.dns import OwnResolverLoop
from sqreen_mw.agent.process import unpatched
from sqreen_mw.agent.process.exit import register_worker_exit_hooks
from sqreen_mw.agent.process.kind import is_uwsgi_master
from sqreen_mw.agent.process.sigterm import install_sigterm_handler, signals_blocked
from sqreen_mw.agent.sealing import PendingEvent
from sqreen_mw.app_errors import is_suppressible
from sqreen_mw.protocol.event_id import new_event_id

THREAD_START_SECONDS: Final = 5.0
"""How long a new thread may take until it runs."""


class Flusher:
    """Queues events from any thread, and delivers them on its own.

    Attributes:
        pid: The process that it belongs to.
        queue: The queued events and the counters.
        started: Whether it has a thread.
        finished: Whether its thread is done.
        wake: Makes the thread look at the queue; callable from any thread.
    """

    def __init__(self, config: FlusherConfig) -> None:
        self.pid: Final = os.getpid()
        self.queue: Final = config.make_queue()
        self._guard: Final = config.guard
        self._put_in_child: Final = config.put_in_child
        self._clock: Final = config.clock
        self._control: Final = FlushControl()
        header = structs.replace(config.header, instance_id=new_event_id())
        transport = config.open_transport()
        heartbeat = None
        if config.sends_heartbeats and isinstance(transport, AcceptsHeartbeats):
            heartbeat = HeartbeatSender(
                config, transport=transport, header=header, stats=self._stats
            )
        self._heartbeat: Final = heartbeat
        self._driver: Final = DeliveryDriver(
            config,
            queue=self.queue,
            sender=BatchSender(
                config, queue=self.queue, spool=config.open_spool(self.queue), header=header
            ),
            transport=transport,
            control=self._control,
            heartbeat=heartbeat,
        )
        self.wake: Final = self._driver.wake
        # The thread that acquires it delivers and never releases it: of two threads that start
        # at once, one delivers.
        self._delivers: Final = unpatched.new_lock()
        self.started: bool = False
        self.finished: bool = False
        self._started_at = 0.0
        self._is_running = False
        self._thread: int | None = None

    @property
    def closed(self) -> bool:
        """Whether it accepts no more events."""
        return self._control.close_deadline is not None

    def put(self, event: PendingEvent) -> bool:
        """Queue an event; return False after ``close``, which accepts no more."""
        if self.pid != os.getpid():
            return self._put_in_child(event)
        if self._control.close_deadline is not None:
            self.queue.refused("closed")
            self._guard.warn("closed", "an event is lost, closed: it was tracked after close()")
            return False
        try:
            should_wake = self.queue.put(event)
            if not self._is_running:
                self._ensure_running()
            elif should_wake:
                self.wake()
        except BaseException:  # a signal handler of the app raised: the event may be queued
            self.wake()
            raise
        return True

    def ensure_started(self) -> None:
        """Start the thread before the first event, to send heartbeats and replay the spool.

        Without heartbeats, the first event starts it.
        """
        if self._heartbeat is not None and not self.started and not self.closed:
            self._start()

    def adopt_queue(self, parent: "Flusher") -> None:
        """Take over the events of a parent process that has no thread to send them.

        A parent with a thread keeps its events. If uWSGI restarts the worker, they are adopted
        again, with the same ids.
        """
        if parent.started:
            return
        while events := parent.queue.take_ready(math.inf, up_to=math.inf):
            for event in events:
                self.queue.put(event)

    def flush(self, seconds: float) -> bool:
        """Wait until every event tracked before is delivered, dropped or spooled.

        Returns:
            False on timeout.
        """
        return wait_until(self._request_flush(), self._wait_limit(seconds), clock=self._clock)

    async def aflush(self, seconds: float) -> bool:
        """Flush without blocking the caller's event loop."""
        return await await_until(
            self._request_flush(), self._wait_limit(seconds), clock=self._clock
        )

    async def areport_end(self, seconds: float) -> None:
        """Report the end of the instance: many servers end the process after the lifespan."""
        heartbeat, stats = self._heartbeat, self._stats()
        now = stats.tracked, stats.waiting
        if heartbeat is None or not self.started or heartbeat.reported_end == now:
            return
        heartbeat.request_end()
        self.wake()
        limit = self._wait_limit(min(seconds, LAST_TIMEOUT_SECONDS))
        await await_until(lambda: heartbeat.reported_end == now, limit, clock=self._clock)

    def close(self, seconds: float) -> int:
        """Deliver what is queued and stop the thread; return the number of undelivered events.

        They are counted as dropped. The caller never waits longer than ``seconds``.
        """
        done = self._request_close(seconds)
        if self._has_to_deliver_here():
            self._deliver()
        wait_until(done, self._wait_limit(seconds), clock=self._clock)
        return self.queue.abandon("exit")

    async def aclose(self, seconds: float) -> int:
        """Close without blocking the caller's event loop."""
        await await_until(
            self._request_close(seconds), self._wait_limit(seconds), clock=self._clock
        )
        return self.queue.abandon("exit")

    def _stats(self) -> Stats:
        return self.queue.stats(self._guard.counts)

    def _wait_limit(self, seconds: float) -> float:
        """Return how long a caller may wait: 0 without a thread, or on the flusher's own thread."""
        is_own_thread = unpatched.get_ident() == self._thread
        return seconds if self.started and not is_own_thread else 0.0

    def _has_to_deliver_here(self) -> bool:
        """Return whether to deliver on this thread, as no new one can start (Python 3.12's exit).

        A thread with a running event loop can't.
        """
        if self.started or not self.queue.waiting:
            return False
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            return False
        return self._delivers.acquire(blocking=False)

    def _request_flush(self) -> Callable[[], bool]:
        """Request a flush; return a function that returns whether it is done."""
        if self.queue.waiting and not self.started:
            self._start()
        control, queue = self._control, self.queue
        requested_at = self._clock()
        control.request_flush(requested_at)
        self.wake()
        return lambda: control.flushed_up_to >= requested_at or not queue.waiting

    def _request_close(self, seconds: float) -> Callable[[], bool]:
        """Request a close; return a function that returns whether it is done."""
        if self.queue.waiting and not self.started:
            self._start()
        if self._control.close_deadline is None:
            self._control.close_deadline = self._clock() + seconds
            self.wake()
        return lambda: self.finished or not self.started

    def _ensure_running(self) -> None:
        """Start the thread, or log that it does not run."""
        if not self.started:
            self._start()
        elif self._clock() - self._started_at > THREAD_START_SECONDS:
            message = "the flusher's thread does not run, set uWSGI's option enable-threads"
            self._guard.warn("delivery_thread", message)

    def _start(self) -> None:
        """Start the thread; if none can start, the next event tries again."""
        if is_uwsgi_master():
            return
        self._started_at = self._clock()
        try:
            self.started = True
            install_sigterm_handler()
            register_worker_exit_hooks()
            # Not threading.Thread: it copies the caller's context, is joined at exit, and other
            # tools patch it.
            with signals_blocked():  # the thread inherits it
                unpatched.start_thread(self._run)
        except BaseException as error:
            self.started = self._thread is not None
            if not (isinstance(error, RuntimeError) and is_suppressible(error)):
                raise
            self._log_not_started(error)

    def _log_not_started(self, error: RuntimeError | OSError) -> None:
        if "shutdown" not in str(error):  # Python 3.12 starts no thread at its exit
            message = "delivery can't start, so events wait until the next event or the exit: %s"
            self._guard.warn("delivery_start", message, error)

    def _run(self) -> None:
        if not self._delivers.acquire(blocking=False):
            return
        self.started = True
        self._guard.log_off_thread_here()
        # Debuggers and coverage see a raw thread only if it takes over their hook.
        sys.settrace(threading.gettrace())
        self._deliver()

    def _deliver(self) -> None:
        """Deliver on this thread until the flusher is closed.

        If there is no file descriptor for a loop, the next event tries again.
        """
        self._thread = unpatched.get_ident()
        try:
            loop = OwnResolverLoop(before_blocking=self._driver.persist_in_flight)
        except OSError as error:
            self._thread = None
            self.started = False
            self._delivers.release()
            self._log_not_started(error)
            return
        try:
            with self._guard.suppress_exits("flusher"):
                self._is_running = True
                loop.run_until_complete(self._driver.run())
        finally:
            loop.close()
        self.finished = True
