"""Decides when events are sealed and when a batch leaves; runs on the flusher's own loop."""

import asyncio
import contextvars
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from sqreen_mw.agent.delivery.batch import BATCH_EVENTS
from sqreen_mw.agent.delivery.control import FlushControl
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.sender import GATHER_SECONDS, BatchSender, SpillPolicy
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.pending import SEAL_AFTER, PendingEvent, SealedEvent
from sqreen_mw.agent.process import unpatched


class Haste(NamedTuple):
    """What one go may take.

    Attributes:
        most: The number of events.
        seconds: How long it takes, but for its last event.
        pause: Seconds until the next one, in which the app's threads are left alone.
    """

    most: int
    seconds: float
    pause: float


_SLICE_EVENTS: Final = 100
_GIVE_WAY_SECONDS: Final = 0.001

SLICE_SECONDS: Final = 0.003
"""Less than the five milliseconds after which CPython lets others run."""

CALM: Final = Haste(_SLICE_EVENTS, SLICE_SECONDS, _GIVE_WAY_SECONDS)

BUSY: Final = Haste(_SLICE_EVENTS, SLICE_SECONDS, 0.0)
"""Where the queue is long: the app's threads have their turn between two goes, and no more."""

LATE: Final = Haste(_SLICE_EVENTS, 0.05, 0.0)
"""Where an event would not be in the spool in time: CPython sees to the turns of the others."""

WANTED: Final = Haste(BATCH_EVENTS, 0.25, _GIVE_WAY_SECONDS)
"""Where somebody waits for it."""


LOOK_AGAIN_SECONDS: Final = 0.1
"""How soon to look again at events that only wait for their request to end."""

HAND_OVER_SECONDS: Final = 0.00005
"""How long a thread of the app's that waits to run takes until it does."""

LATE_SECONDS: Final = 0.1
"""How much later than is due an event may be sealed that is to be in the spool in time."""

FAULT_SECONDS: Final = 1.0
"""How long to wait after a fault of ours, so that it does not burn the processor."""

# call_soon_threadsafe copies the caller's context by default, which would keep the request alive.
_EMPTY_CONTEXT: Final = contextvars.Context()


class Dispatcher:
    """Seals what is ready, and keeps at most one batch on its way.

    Sealing goes on while a batch is on its way, or while the collector is left alone: an event
    holds what its request holds for a second at most.
    """

    def __init__(
        self,
        *,
        buffer: EventQueue,
        outbox: BatchSender,
        wishes: FlushControl,
        seal: Callable[[PendingEvent], bytes | None],
        interval: float,
        guard: Guard,
    ) -> None:
        self._buffer: Final = buffer
        self._outbox: Final = outbox
        self._spool: Final = outbox.spool
        self._keeper: Final = SpillPolicy(buffer=buffer, outbox=outbox)
        self._wishes: Final = wishes
        self._seal: Final = seal
        # Where there is a spool, the collector's silence is to be known before a second is over.
        soon = min(interval, self._spool.persist_after)
        self._interval: Final = soon if interval <= SEAL_AFTER else interval
        self._guard: Final = guard
        self._woken: Final = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: asyncio.Task[None] | None = None
        self._sent_at: float | None = None
        self._end_at = math.inf
        # Monotonic seconds: what was wanted before was tried to be sent.
        self._flush_tried = 0.0
        self._tried_to_close = False
        self._look_again = 0.0
        self._more = False
        self._told_overflow = 0

    def wake(self) -> None:
        """Have a look at the queue soon; from any thread."""
        loop = self._loop
        if loop is None:
            return  # not ready yet: it looks at the queue as soon as it is
        # Where the loop is closed there is nobody left to wake.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._woken.set, context=_EMPTY_CONTEXT)

    def keep_sending(self) -> None:
        """See that what is on its way is in the spool: the loop is about to be held up."""
        if self._sending is not None and self._spool.persist_after < math.inf:
            self._keeper.keep(is_sending=True)

    async def run(self) -> None:
        """Work until the end is wanted, and nothing is left that could be tried in time."""
        # An event that was queued before this is seen by the first look at the queue.
        self._loop = asyncio.get_running_loop()
        while not self._over():
            self._woken.clear()
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 a fault of ours must not end the delivery
                self._guard.internal_error("flusher", error)
                await asyncio.sleep(FAULT_SECONDS)
            if not self._over():
                dues = self._seal_due(), self._keep_due(), self._send_due(), self._end()
                await self._sleep_until(min(dues))
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait((self._sending,))
        with self._guard.suppress_errors("spool"):
            self._keep_rest()
            self._spool.close()

    def _turn(self) -> None:
        if self._seal_due() <= time.monotonic():
            self._seal_ready()
        if self._keep_due() <= time.monotonic():
            self._keeper.keep(is_sending=self._sending is not None)
        if self._send_due() <= time.monotonic():
            self._start_sending()
        self._note_flush()

    def _over(self) -> bool:
        if not self._wishes.closing:
            return False
        next_try = self._outbox.retry_at if self._tried_to_close and not self._sending else 0.0
        now = time.monotonic()
        is_done = not self._sending and self._buffer.waiting == 0 and self._send_due() > now
        return is_done or max(now, next_try) >= self._end()

    def _end(self) -> float:
        """Return the monotonic seconds at which nothing more is sent: the spool needs a moment."""
        deadline = self._wishes.deadline
        if self._end_at == math.inf and deadline is not None:
            left = deadline - time.monotonic()
            self._end_at = deadline - min(self._spool.exit_reserve, left / 4)
        return self._end_at

    def _seal_due(self) -> float:
        """Return the monotonic seconds at which events are to be sealed."""
        pending, wishes = self._buffer.pending, self._wishes
        oldest = pending.oldest
        if oldest is None:
            return math.inf
        if wishes.closing or oldest <= wishes.flush_requested_at:
            return 0.0
        soon = min(self._interval, SEAL_AFTER, self._spool.persist_after)
        due = 0.0 if pending.full else oldest + soon
        return max(due, self._look_again)

    def _keep_due(self) -> float:
        """Return the monotonic seconds at which events belong in the spool."""
        is_urgent, is_slicing = self._is_wanted(), self._is_slicing()
        return self._keeper.due(self._sent_at, is_urgent=is_urgent, is_slicing=is_slicing)

    def _send_due(self) -> float:
        """Return the monotonic seconds at which a batch is to leave."""
        if self._sending is not None:
            return math.inf
        return min(self._fresh_due(), self._replay_due())

    def _fresh_due(self) -> float:
        """Return when what is in memory is to leave."""
        wishes, oldest = self._wishes, self._buffer.sealed.oldest
        if self._outbox.empty and (oldest is None or self._is_slicing()):
            return math.inf if oldest is None else oldest + self._interval + GATHER_SECONDS
        is_last_try = wishes.closing and not self._tried_to_close
        if is_last_try or wishes.flush_requested_at > self._flush_tried:
            return 0.0 if is_last_try else self._outbox.pause_until
        if not self._outbox.empty or self._outbox.retry_at > time.monotonic():
            return self._outbox.retry_at
        if self._is_wanted() or self._buffer.sealed.full:
            return 0.0
        return math.inf if oldest is None else oldest + self._interval

    def _is_slicing(self) -> bool:
        """Tell whether more will be sealed right away that is to travel with what is."""
        more = self._more and self._seal_due() <= self._look_again
        return more and not self._buffer.sealed.full and not self._is_wanted()

    def _is_wanted(self) -> bool:
        """Tell whether somebody waits for the delivery."""
        wishes = self._wishes
        return wishes.closing or wishes.flush_requested_at > wishes.flushed_up_to

    def _replay_due(self) -> float:
        """Return when what lies in the spool is to leave."""
        return max(self._outbox.retry_at, self._spool.next_batch_at)

    def _seal_ready(self) -> None:
        now = time.monotonic()
        wishes = self._wishes
        wanted = math.inf if wishes.closing else wishes.flush_requested_at
        haste = WANTED if wanted > wishes.flushed_up_to else self._haste(now)
        events = self._buffer.take_ready(now, wanted=wanted, most=haste.most)
        left = self._seal_until(time.monotonic() + haste.seconds, events)
        self._more = bool(left) or len(events) == haste.most
        if haste is BUSY:
            unpatched.sleep(HAND_OVER_SECONDS)
        self._look_again = time.monotonic() + (haste.pause if events else LOOK_AGAIN_SECONDS)
        self._tell_overflow()

    def _haste(self, now: float) -> Haste:
        pending = self._buffer.pending
        due = (pending.oldest or now) + self._spool.persist_after
        if due + LATE_SECONDS < now:
            return LATE
        return BUSY if len(pending) > BATCH_EVENTS else CALM

    def _seal_until(self, end: float, events: list[PendingEvent]) -> list[PendingEvent]:
        """Seal events until a moment has come, and return those that go back to the queue."""
        done = 0
        while done < len(events) and time.monotonic() < end:
            self._seal_one(events[done])
            done += 1
        left = events[done:]
        self._buffer.put_back(left)
        return left

    def _seal_one(self, event: PendingEvent) -> None:
        """Seal an event; one that the app's hook drops, or that fails, is counted."""
        reason = "before_send"
        try:
            data = self._seal(event)
            if data is not None:
                self._buffer.put_sealed(SealedEvent(data, event.tracked_at))
                return
        except Exception as error:  # noqa: BLE001 a fault of ours, or of the app's own classes
            self._guard.internal_error("seal", error)
            reason = "unsealed"
        self._buffer.dropped(reason)

    def _start_sending(self) -> None:
        self._flush_tried = self._wishes.flush_requested_at
        self._tried_to_close = self._wishes.closing
        if self._outbox.empty:
            is_fresh = self._fresh_due() <= time.monotonic()
            self._outbox.cut() if is_fresh else self._outbox.load()
        if not self._outbox.empty:
            self._sent_at = time.monotonic()
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        try:
            deadline = self._end() if self._wishes.closing else None
            await self._outbox.send(deadline=deadline)
        except Exception as error:  # noqa: BLE001 as above
            self._guard.internal_error("send", error)
            self._outbox.retry_at = time.monotonic() + FAULT_SECONDS
        finally:
            self._sending = self._sent_at = None
            self._woken.set()

    def _keep_rest(self) -> None:
        """Leave to the spool what the time did not do for."""
        deadline = self._wishes.deadline or 0.0
        while self._keeper.keep(is_sending=False) and self._buffer.pending:
            if time.monotonic() >= deadline:
                return
            self._seal_ready()

    def _note_flush(self) -> None:
        """Say that a flush is done, once all that was tracked before it is settled or on disk."""
        wanted, oldest = self._wishes.flush_requested_at, self._buffer.oldest
        if self._outbox.oldest_unkept is None and (oldest is None or oldest > wanted):
            self._wishes.flushed_up_to = wanted

    async def _sleep_until(self, due: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(None if due == math.inf else due - time.monotonic()):
                await self._woken.wait()

    def _tell_overflow(self) -> None:
        """Say that the queue overflows; here, as the app's own threads only count it."""
        lost = self._buffer.overflowed
        if lost > self._told_overflow:
            self._told_overflow = lost
            message = "the queue is full: %d events are lost so far, the oldest first"
            self._guard.warn("overflow", message, lost)
