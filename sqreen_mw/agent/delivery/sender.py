"""The batches under way: cut from the buffer, sent one after the other, settled by the verdict."""

import math
import time
from collections import deque
from typing import Final

from msgspec import Raw

from sqreen_mw.agent.delivery.batch import Batch, make_batch
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.retry import RetryPolicy, backoff
from sqreen_mw.agent.delivery.spool.base import Spool
from sqreen_mw.agent.delivery.transports.base import (
    Delivered,
    Misconfigured,
    Outcome,
    Refused,
    Retry,
    TooLarge,
    Transport,
)
from sqreen_mw.agent.guard import Guard
from sqreen_mw.protocol.batch import Envelope

SILENT_SECONDS: Final = 0.25
"""How long a batch may take before the collector counts as away."""

GATHER_SECONDS: Final = 0.2
"""How long what is ready to be kept waits for what is being sealed, to be kept as one batch."""

AGAIN_SECONDS: Final = 1.0
"""How soon to try a spool again that takes nothing."""


class BatchSender:
    """Holds what was cut of the buffer; every event in it is under way until it is settled.

    Attributes:
        spool: Where batches lie that can't be delivered now.
        retry_at: Monotonic seconds before which the other side is left alone.
        pause_until: The same, where it asked for that, or waits for a setting: no flush is sooner.
    """

    def __init__(
        self,
        *,
        buffer: EventQueue,
        transport: Transport,
        header: Envelope,
        guard: Guard,
        pace: RetryPolicy,
        spool: Spool,
    ) -> None:
        self.spool: Final = spool
        self.retry_at: float = 0.0
        self.pause_until: float = 0.0
        self._buffer: Final = buffer
        self._transport: Final = transport
        self._header: Final = header
        self._guard: Final = guard
        self._pace: Final = pace
        self._batches: Final[deque[Batch]] = deque()
        self._failures = 0

    @property
    def empty(self) -> bool:
        """Whether no batch is under way."""
        return not self._batches

    def cut(self) -> None:
        """Make a batch of the oldest sealed events."""
        events = self._buffer.take_batch()
        if events:
            data = [Raw(event.data) for event in events]
            tracked_at = [event.tracked_at for event in events]
            self._batches.append(make_batch(self._header, events=data, tracked_at=tracked_at))

    @property
    def oldest_unkept(self) -> float | None:
        """When the oldest event that lies in no spool was tracked, in monotonic seconds."""
        unkept = (batch for batch in self._batches if not self.spool.contains(batch))
        return min((batch.tracked_at[0] for batch in unkept), default=None)

    def load(self) -> None:
        """Take a batch out of the spool, if there is one."""
        batch = self.spool.next_batch()
        if batch is not None:
            self._batches.append(batch)

    def hold(self) -> bool:
        """Put a copy of every batch into the spool, as they may still be delivered from here."""
        return all(self.spool.persist(batch) for batch in self._batches)

    def stow(self) -> bool:
        """Leave every batch to the spool, and tell whether it took them."""
        while self._batches and self.spool.requeue(self._batches[0]):
            self._batches.popleft()
        return self.empty

    def put_by(self) -> bool:
        """Cut a batch straight into the spool; where that takes none, it stays here."""
        self.cut()
        kept = self.spool.requeue(self._batches[-1])
        if kept:
            self._batches.pop()
        return kept

    async def send(self, *, deadline: float | None) -> None:
        """Send the first batch and settle it, or set ``retry_at``.

        Args:
            deadline: Monotonic seconds after which nothing is waited for, or None.
        """
        now = time.monotonic()
        batch = self._give_up_old(now)
        if not batch:
            return
        seconds = self._pace.send if deadline is None else min(self._pace.send, deadline - now)
        outcome: Outcome = Retry("the transport failed")
        with self._guard.suppress_errors("transport"):
            outcome = await self._transport.send(batch, seconds=seconds)
        self._apply(outcome, batch, closing=deadline is not None)

    def _give_up_old(self, now: float) -> Batch:
        """Return the first batch without the events that are too old, which may be all.

        What lies in the spool is as old as it may become there.
        """
        batch = self._batches[0]
        if self.spool.contains(batch):
            return batch
        fresh = batch.since(now - self._pace.max_age)
        if fresh is not batch:
            self._settle()
            self._drop("expired", len(batch) - len(fresh), "no collector took them for an hour")
            if fresh:
                self._batches.appendleft(fresh)
        return fresh

    def _apply(self, outcome: Outcome, batch: Batch, *, closing: bool) -> None:
        self.pause_until = 0.0
        match outcome:
            case Delivered():
                self._delivered(outcome, batch)
            case Retry():
                self._leave_kept()
                self._retry(outcome, closing=closing)
            case Misconfigured():
                self._leave_kept()
                self.retry_at = self.pause_until = time.monotonic() + self._pace.misconfigured
                message = "the collector takes no events, check %s (it says %s): %d events wait"
                details = outcome.setting, outcome.reason, self._buffer.undelivered
                self._guard.warn("misconfigured", message, *details)
            case TooLarge():
                self._halve(batch)
            case Refused():
                self._settle()
                self._drop("refused", len(batch), outcome.reason)

    def _leave_kept(self) -> None:
        """Leave what lies in the spool to it: for how long it is kept is the spool's own affair."""
        while self._batches and self.spool.contains(self._batches[0]):
            self.spool.requeue(self._batches.popleft())

    def _delivered(self, outcome: Delivered, batch: Batch) -> None:
        self._settle()
        self._failures = 0
        self._buffer.delivered(len(batch) - outcome.rejected)
        if outcome.rejected:
            self._drop("rejected", outcome.rejected, outcome.detail)

    def _retry(self, outcome: Retry, *, closing: bool) -> None:
        # Who closes has little time left: the delay does not grow any more.
        delay = backoff(self._pace, 0 if closing else self._failures)
        self._failures += 1
        if outcome.after is not None and outcome.after >= self._pace.shortest_pause:
            delay = outcome.after
            self.pause_until = time.monotonic() + delay
        self.retry_at = time.monotonic() + delay
        message = "events can't be delivered yet (%s): %d wait, the next try is in %.1f s"
        self._guard.warn("undelivered", message, outcome.reason, self._buffer.undelivered, delay)

    def _halve(self, batch: Batch) -> None:
        if len(batch) == 1:
            self._settle()
            self._drop("too_large", 1, "the collector takes no batch as small as one event")
        else:
            halves = batch.halves()
            self.spool.replace(batch, halves)
            self._settle()
            self._batches.extendleft(reversed(halves))

    def _settle(self) -> None:
        self.spool.ack(self._batches.popleft())
        self.retry_at = self.pause_until

    def _drop(self, reason: str, count: int, detail: str) -> None:
        # Said first: whoever waits for the count finds the line, too.
        self._guard.warn(reason, "%d events are lost, %s: %s", count, reason, detail)
        self._buffer.dropped(reason, count)


class SpillPolicy:
    """Empties the queue into the spool while the collector is away, or does not answer."""

    def __init__(self, *, buffer: EventQueue, outbox: BatchSender) -> None:
        self._buffer: Final = buffer
        self._outbox: Final = outbox
        self._not_before = 0.0

    def due(self, sent_at: float | None, *, is_urgent: bool, is_slicing: bool) -> float:
        """Return the monotonic seconds at which there is something to keep.

        Args:
            sent_at: When the batch that is on its way left; None where there is none.
            is_urgent: Whether somebody waits for it.
            is_slicing: Whether more is being sealed that is to be kept with it.
        """
        within = self._outbox.spool.persist_after
        oldest = self._outbox.oldest_unkept
        if oldest is None:
            oldest = self._buffer.sealed.oldest
        if oldest is None:
            return math.inf
        if is_urgent and within < math.inf:
            within = 0.0
        if is_slicing:
            within += GATHER_SECONDS
        due = max(oldest + within, self._not_before)
        if sent_at is not None:
            return max(due, sent_at + SILENT_SECONDS)
        return due if self._outbox.retry_at > time.monotonic() else math.inf

    def keep(self, *, is_sending: bool) -> bool:
        """Put all that is sealed into the spool, and tell whether it is there.

        Args:
            is_sending: Whether the first batch is on its way, and may still be delivered.
        """
        kept = self._outbox.hold() if is_sending else self._outbox.stow()
        while kept and self._buffer.sealed:
            kept = self._outbox.put_by()
        if not kept:
            self._not_before = time.monotonic() + AGAIN_SECONDS
        return kept
