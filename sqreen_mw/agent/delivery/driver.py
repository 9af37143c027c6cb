"""Runs the flusher's turns: builds the state, asks the scheduler, and does what it plans."""

import asyncio
import contextvars
import math
from collections import deque
from contextlib import suppress
from typing import Any, Final

from sqreen_mw.agent.delivery.control import FlushControl
from sqreen_mw.agent.delivery.flusher_config import FlusherConfig
from sqreen_mw.agent.delivery.heartbeat import HeartbeatSender
from sqreen_mw.agent.delivery.interfaces import Outcome, Retry, Transport
from sqreen_mw.agent.delivery.queue import EventQueue, SizedFifo
from sqreen_mw.agent.delivery.scheduler import (
    FLUSHING,
    Plan,
    SliceBudget,
    Source,
    State,
    plan,
    stop_sending_at,
)
from sqreen_mw.agent.delivery.sender import BatchSender
from sqreen_mw.agent.process import unpatched
from sqreen_mw.agent.sealing import PendingEvent, SealedEvent

NOTHING_READY_SECONDS: Final = 0.1
"""How soon to look again at events that wait only for their request to end."""

GIL_SECONDS: Final = 0.00005
"""How long a waiting thread of the app needs to get the GIL."""

ERROR_SECONDS: Final = 1.0
"""How long to wait after an error of ours, so that it does not use up the processor."""

LOOP_CYCLES: Final = 4
"""Cycles of the event loop between two busy turns, so that a batch being sent makes progress."""

CLOSE_TRANSPORT_SECONDS: Final = 0.3

# call_soon_threadsafe copies the caller's context by default, which would keep the request alive.
_EMPTY_CONTEXT: Final = contextvars.Context()


class DeliveryDriver:
    """Seals, spools and sends as planned. At most one batch is being sent at a time.

    All methods but ``wake`` run on the flusher's event loop.
    """

    def __init__(
        self,
        config: FlusherConfig,
        *,
        queue: EventQueue,
        sender: BatchSender,
        transport: Transport,
        control: FlushControl,
        heartbeat: HeartbeatSender | None,
    ) -> None:
        self._seal: Final = config.seal
        self._interval: Final = config.interval
        self._guard: Final = config.guard
        self._timeout: Final = config.retry.send
        self._clock: Final = config.clock
        self._queue: Final = queue
        self._sender: Final = sender
        self._spool: Final = sender.spool
        self._transport: Final = transport
        self._control: Final = control
        self._heartbeat: Final = heartbeat
        self._contain_errors: Final = config.guard.suppress_exits("flusher")
        self._contain_seal_errors: Final = config.guard.suppress_exits("seal")
        self._suppress_transport_errors: Final = config.guard.suppress_errors("transport")
        self._woken: Final = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: asyncio.Task[None] | None = None
        self._heartbeating: asyncio.Task[None] | None = None
        self._sent_at: float | None = None
        self._stop_sending_at = math.inf
        self._flush_tried_at = 0.0
        self._tried_to_close = False
        self._next_slice_at = 0.0
        self._has_more_to_seal = False
        self._idle_until = 0.0
        self._logged_overflow = 0

    def wake(self) -> None:
        """Start a turn soon; callable from any thread."""
        loop = self._loop
        if loop is None:
            return  # its first turn comes later and sees the event
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(self._woken.set, context=_EMPTY_CONTEXT)

    def persist_in_flight(self) -> None:
        """Copy the batch that is being sent to the spool: the loop is about to block."""
        if self._sending is not None and self._spool.persist_after < math.inf:
            self._sender.spool_all(is_sending=True)

    async def run(self) -> None:
        """Run turns until the flusher is closed and nothing is left to try in time."""
        # An event that was queued before this is seen by the first turn.
        self._loop = asyncio.get_running_loop()
        if self._heartbeat is not None:
            self._heartbeat.start()
        is_finished = False
        while not is_finished:
            with self._contain_errors:
                await self._run_turns()
                is_finished = True
            if not is_finished:
                self._idle_until = self._clock() + ERROR_SECONDS
                self._woken.clear()
                await self._sleep_until(self._idle_until)
        await self._finish()

    async def _run_turns(self) -> None:
        planned = self._turn()
        while not planned.is_finished:
            await self._sleep_until(planned.wake_at)
            planned = self._turn()

    def _turn(self) -> Plan:
        self._woken.clear()
        now = self._clock()
        state = self._state(now)
        planned = plan(state, now)
        self._control.flushed_up_to = planned.flushed_up_to
        if planned.spool:
            self._sender.spool_all(is_sending=self._sending is not None)
        if planned.send is not None:
            self._flush_tried_at = state.flush_requested_at
            self._tried_to_close = state.is_closing
            self._start_sending(planned.send)
        if planned.seal is not None:
            self._seal_slice(planned.seal, up_to=planned.seal_up_to)
        if planned.send_heartbeat:
            self._start_heartbeat()
        return planned

    def _state(self, now: float) -> State:
        control, queue, sender = self._control, self._queue, self._sender
        pending, sealed = queue.pending, queue.sealed
        # Read before the queue, which then has every event that was tracked before the request.
        if control.requests:
            control.read_requests()
        flush_requested_at = control.flush_requested_at
        deadline = control.close_deadline
        if deadline is not None and self._stop_sending_at == math.inf:
            reserve = self._spool.exit_reserve
            self._stop_sending_at = stop_sending_at(deadline, now, exit_reserve=reserve)
        return State(
            flush_interval=self._interval,
            persist_after=self._spool.persist_after,
            pending=len(pending.events),
            pending_bytes=pending.bytes,
            pending_since=_since(pending),
            sealed=len(sealed.events),
            sealed_bytes=sealed.bytes,
            sealed_since=_since(sealed),
            in_flight=queue.in_flight,
            next_slice_at=self._next_slice_at,
            has_more_to_seal=self._has_more_to_seal,
            has_batch=bool(sender.batches),
            unspooled_since=sender.oldest_unspooled() if sender.batches else None,
            sent_at=self._sent_at,
            retry_at=sender.retry_at,
            paused_until=sender.paused_until,
            next_spooled_at=self._spool.next_batch_at,
            spool_again_at=sender.spool_again_at,
            flush_requested_at=flush_requested_at,
            flush_tried_at=self._flush_tried_at,
            flushed_up_to=control.flushed_up_to,
            is_closing=deadline is not None,
            tried_to_close=self._tried_to_close,
            stop_sending_at=self._stop_sending_at,
            idle_until=self._idle_until,
            next_heartbeat_at=self._heartbeat.next_at if self._heartbeat else math.inf,
        )

    async def _sleep_until(self, moment: float) -> None:
        seconds = moment - self._clock()
        if seconds <= 0:
            for _ in range(LOOP_CYCLES):
                await asyncio.sleep(0)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(None if seconds == math.inf else seconds):
                await self._woken.wait()

    def _seal_slice(self, budget: SliceBudget, *, up_to: float) -> None:
        events = deque(self._queue.take_ready(self._clock(), up_to=up_to, most=budget.events))
        taken = len(events)
        self._seal_until(self._clock() + budget.seconds, events)
        if events:
            self._queue.put_back(list(events))
        self._has_more_to_seal = bool(events) or taken == budget.events
        if budget.yields_gil:
            unpatched.sleep(GIL_SECONDS)
        self._next_slice_at = self._clock() + (budget.pause if taken else NOTHING_READY_SECONDS)
        self._log_overflow()

    def _seal_until(self, end: float, events: deque[PendingEvent]) -> None:
        """Seal events until a moment; one that can't be sealed is dropped and counted."""
        failed = True
        while failed:
            with self._contain_seal_errors:
                self._seal_events(end, events)
                failed = False
            if failed:
                self._queue.dropped("unsealed")

    def _seal_events(self, end: float, events: deque[PendingEvent]) -> None:
        while events and self._clock() < end:
            event = events.popleft()
            data = self._seal(event)
            if data is None:
                self._queue.dropped("before_send")
            else:
                self._queue.put_sealed(SealedEvent(data, event.tracked_at))

    def _log_overflow(self) -> None:
        """Log that the queue overflowed. The app's threads only count it."""
        lost = self._queue.overflowed
        if lost > self._logged_overflow:
            self._logged_overflow = lost
            message = "the queue is full: %d events are lost so far, the oldest first"
            self._guard.warn("overflow", message, lost)

    def _start_sending(self, source: Source) -> None:
        sender = self._sender
        if not sender.batches:
            if source is Source.MEMORY:
                sender.next_from_memory()
            else:
                sender.next_from_spool()
        if sender.batches:
            self._sent_at = self._clock()
            self._sending = asyncio.create_task(self._send())
            self._sending.add_done_callback(self._after_send)

    async def _send(self) -> None:
        batch = self._sender.next_to_send()
        if batch is None:
            return
        is_closing = self._control.close_deadline is not None
        seconds = self._timeout
        if is_closing:
            seconds = min(seconds, self._stop_sending_at - self._clock())
        outcome: Outcome = Retry("the transport failed")
        with self._suppress_transport_errors:
            outcome = await self._transport.send(batch, seconds=seconds)
        self._sender.apply(outcome, batch, is_closing=is_closing)

    def _after_send(self, task: asyncio.Task[None]) -> None:
        self._sending = self._sent_at = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._guard.internal_error("send", error)
            self._sender.retry_at = self._clock() + ERROR_SECONDS
        self._woken.set()

    def _start_heartbeat(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.next_at = math.inf
            self._heartbeating = asyncio.create_task(self._heartbeat.send())
            self._heartbeating.add_done_callback(lambda _: self._woken.set())

    async def _finish(self) -> None:
        await _cancel(self._sending)
        with self._guard.suppress_errors("spool"):
            self._spool_rest()
            self._spool.close()
        await _cancel(self._heartbeating)
        if self._heartbeat is not None:
            await self._heartbeat.send_last(self._control.close_deadline)
        async with asyncio.timeout(CLOSE_TRANSPORT_SECONDS):
            await self._transport.close()

    def _spool_rest(self) -> None:
        """Move everything that there was no time to send to the spool."""
        deadline = self._control.close_deadline or 0.0
        while self._sender.spool_all(is_sending=False) and self._queue.pending.events:
            if self._clock() >= deadline:
                return
            self._seal_slice(FLUSHING, up_to=math.inf)


def _since(fifo: SizedFifo[Any]) -> float | None:
    """Return when the first event was tracked, or None if there is none."""
    try:
        since: float = fifo.events[0].tracked_at
    except IndexError:
        return None
    return since


async def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait((task,))
