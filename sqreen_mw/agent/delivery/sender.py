"""The batches in flight, from sealed events to delivered, dropped or spooled ones."""

from collections import deque
from typing import Final

from msgspec import Raw

from sqreen_mw.agent.delivery.batch import Batch, make_batch
from sqreen_mw.agent.delivery.flusher_config import FlusherConfig
from sqreen_mw.agent.delivery.interfaces import (
    Delivered,
    Misconfigured,
    Outcome,
    Refused,
    Retry,
    Spool,
    TooLarge,
)
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.retry import backoff
from sqreen_mw.protocol.batch import Envelope

SPOOL_AGAIN_SECONDS: Final = 1.0
"""How long a spool that failed is left alone."""


class BatchSender:
    """Makes batches, and acts on the outcome of each.

    Attributes:
        batches: The batches in flight. The first one is sent next, or is being sent.
        spool: Stores batches while the collector is away.
        retry_at: When the next batch may leave after a failure, in monotonic seconds.
        paused_until: Like ``retry_at``, but asked for by the collector (``Retry-After``) or due to
            a wrong setting. ``flush()`` does not override it.
        spool_again_at: When the spool may be tried again after it failed.
    """

    def __init__(
        self, config: FlusherConfig, *, queue: EventQueue, spool: Spool, header: Envelope
    ) -> None:
        self.batches: Final[deque[Batch]] = deque()
        self.spool: Final = spool
        self.retry_at: float = 0.0
        self.paused_until: float = 0.0
        self.spool_again_at: float = 0.0
        self._queue: Final = queue
        self._header: Final = header
        self._guard: Final = config.guard
        self._policy: Final = config.retry
        self._clock: Final = config.clock
        self._failures = 0

    def oldest_unspooled(self) -> float | None:
        """Return when the oldest event in flight was tracked that is in no spool, or None."""
        unspooled = (batch for batch in self.batches if not self.spool.contains(batch))
        return min((batch.tracked_at[0] for batch in unspooled), default=None)

    def next_from_memory(self) -> None:
        """Make a batch of the oldest sealed events."""
        events = self._queue.take_batch()
        if events:
            data = [Raw(event.data) for event in events]
            tracked_at = [event.tracked_at for event in events]
            self.batches.append(make_batch(self._header, events=data, tracked_at=tracked_at))

    def next_from_spool(self) -> None:
        """Take a batch from the spool, if it has one."""
        batch = self.spool.next_batch()
        if batch is not None:
            self.batches.append(batch)

    def spool_all(self, *, is_sending: bool) -> bool:
        """Move the batches and all sealed events to the spool; return whether they are there.

        Args:
            is_sending: Whether the first batch is being sent: then the batches are only copied.
        """
        accepted = self._persist_copies() if is_sending else self._spool_batches()
        while accepted and self._queue.sealed.events:
            accepted = self._spool_next()
        if not accepted:
            self.spool_again_at = self._clock() + SPOOL_AGAIN_SECONDS
        return accepted

    def _persist_copies(self) -> bool:
        return all(self.spool.persist(batch) for batch in self.batches)

    def _spool_batches(self) -> bool:
        while self.batches and self.spool.requeue(self.batches[0]):
            self.batches.popleft()
        return not self.batches

    def _spool_next(self) -> bool:
        """Make a batch and move it to the spool; if the spool does not accept it, it stays here."""
        self.next_from_memory()
        accepted = self.spool.requeue(self.batches[-1])
        if accepted:
            self.batches.pop()
        return accepted

    def next_to_send(self) -> Batch | None:
        """Return the first batch, without the events that are too old; None if all are.

        The spool has its own age limit.
        """
        batch = self.batches[0]
        if self.spool.contains(batch):
            return batch
        fresh = batch.since(self._clock() - self._policy.max_age)
        if fresh is batch:
            return batch
        self._ack()
        self._drop(
            "expired", len(batch) - len(fresh), "the collector did not accept them within an hour"
        )
        if not fresh:
            return None
        self.batches.appendleft(fresh)
        return fresh

    def apply(self, outcome: Outcome, batch: Batch, *, is_closing: bool) -> None:
        """Act on the outcome of the first batch."""
        self.paused_until = 0.0
        match outcome:
            case Delivered():
                self._delivered(outcome, batch)
            case Retry():
                self._leave_spooled()
                self._retry(outcome, is_closing=is_closing)
            case Misconfigured():
                self._leave_spooled()
                self.retry_at = self.paused_until = self._clock() + self._policy.misconfigured
                message = (
                    "the collector accepts no events, check %s (it answered %s): %d events wait"
                )
                details = outcome.setting, outcome.reason, self._queue.undelivered
                self._guard.warn("misconfigured", message, *details)
            case TooLarge():
                self._halve(batch)
            case Refused():
                self._ack()
                self._drop("refused", len(batch), outcome.reason)

    def _leave_spooled(self) -> None:
        """Return batches that the spool holds to it: it decides how long to keep them."""
        while self.batches and self.spool.contains(self.batches[0]):
            self.spool.requeue(self.batches.popleft())

    def _delivered(self, outcome: Delivered, batch: Batch) -> None:
        self._ack()
        self._failures = 0
        self._queue.delivered(len(batch) - outcome.rejected)
        if outcome.rejected:
            self._drop("rejected", outcome.rejected, outcome.detail)

    def _retry(self, outcome: Retry, *, is_closing: bool) -> None:
        # A close has little time: its delays do not grow.
        delay = backoff(self._policy, 0 if is_closing else self._failures)
        self._failures += 1
        now = self._clock()
        if outcome.after is not None and outcome.after >= self._policy.shortest_pause:
            delay = outcome.after
            self.paused_until = now + delay
        self.retry_at = now + delay
        message = "events can't be delivered yet (%s): %d wait, the next try is in %.1f s"
        self._guard.warn("undelivered", message, outcome.reason, self._queue.undelivered, delay)

    def _halve(self, batch: Batch) -> None:
        if len(batch) == 1:
            self._ack()
            self._drop("too_large", 1, "the event is larger than the collector accepts")
        else:
            halves = batch.halves()
            self.spool.replace(batch, halves)
            self._ack()
            self.batches.extendleft(reversed(halves))

    def _ack(self) -> None:
        self.spool.ack(self.batches.popleft())
        self.retry_at = self.paused_until

    def _drop(self, reason: str, count: int, detail: str) -> None:
        # Log before counting, so that whoever sees the count finds the log line.
        self._guard.warn(reason, "%d events are lost, %s: %s", count, reason, detail)
        self._queue.dropped(reason, count)
