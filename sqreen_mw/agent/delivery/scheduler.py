"""Plans the next turn of the flusher from a state and the time. No I/O, no clock.

Events are sealed in slices, so that the flusher never holds the GIL for long. Sealed events leave
in batches, one at a time. While the collector is away, they go to the spool.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sqreen_mw.agent.delivery.batch import BATCH_BYTES, BATCH_EVENTS
from sqreen_mw.agent.sealing import SEAL_AFTER


@dataclass(frozen=True, slots=True)
class SliceBudget:
    """The limits of one sealing slice.

    Attributes:
        events: The most events.
        seconds: How long it may take; the last event may exceed it.
        pause: Seconds until the next slice, unless a flush waits for it.
        yields_gil: Whether to sleep after it, so that a waiting thread gets the GIL.
    """

    events: int
    seconds: float
    pause: float = 0.0
    yields_gil: bool = False


SLICE_SECONDS: Final = 0.003
"""Less than the 5 ms after which CPython makes a thread release the GIL."""

_SLICE_EVENTS: Final = 100
_PAUSE_SECONDS: Final = 0.001

IDLE: Final = SliceBudget(_SLICE_EVENTS, SLICE_SECONDS, _PAUSE_SECONDS)
BACKLOG: Final = SliceBudget(_SLICE_EVENTS, SLICE_SECONDS, yields_gil=True)
OVERDUE: Final = SliceBudget(_SLICE_EVENTS, 0.05)
FLUSHING: Final = SliceBudget(BATCH_EVENTS, 0.25, _PAUSE_SECONDS)

OVERDUE_SECONDS: Final = 0.1
"""How late sealing may be before larger slices are used to reach the spool in time."""

UNANSWERED_SECONDS: Final = 0.25
"""How long a batch may be unanswered before the spool gets a copy."""

GATHER_SECONDS: Final = 0.2
"""How long sealed events wait for the next slice, so that both travel in one batch."""


SEND_SECONDS: Final = 0.5
"""How long a closing flusher seals nothing before it stops, so that a batch being sent arrives."""


class Source(Enum):
    """Where the next batch comes from."""

    MEMORY = "memory"
    SPOOL = "spool"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state of the flusher. Moments are monotonic seconds; ``inf`` means never.

    Attributes:
        flush_interval: Seconds that an event waits for others of its batch.
        persist_after: Age in seconds at which the spool needs an event; ``inf`` without a spool.
        pending: Number of events that are not sealed.
        pending_bytes: Their size.
        pending_since: When the oldest of them was tracked.
        sealed: Number of events that are sealed and in no batch.
        sealed_bytes: Their size.
        sealed_since: When the oldest of them was tracked.
        in_flight: Number of events in batches that only memory holds.
        next_slice_at: When the next slice may start, unless a flush waits for it.
        has_more_to_seal: Whether the last slice left events.
        has_batch: Whether a batch is in flight: being sent, or to be sent again.
        unspooled_since: When the oldest event of these batches was tracked that is not spooled.
        sent_at: When the batch that is being sent left; None if none is.
        retry_at: When the next batch may leave after a failure.
        paused_until: Like ``retry_at``, but asked for by the collector, or due to a wrong setting:
            a flush does not override it.
        next_spooled_at: When the spool may have a batch to send.
        spool_again_at: When the spool may be tried again after it failed.
        flush_requested_at: When the last flush was requested.
        flush_tried_at: Up to which request a flush has tried to send.
        flushed_up_to: Up to which request flushes are done.
        is_closing: Whether the flusher is being closed.
        tried_to_close: Whether a batch has been sent since.
        stop_sending_at: When a closing flusher stops to send.
        idle_until: When to go on after an error of ours.
        next_heartbeat_at: When the next heartbeat is due.
    """

    flush_interval: float = 1.0
    persist_after: float = math.inf
    pending: int = 0
    pending_bytes: int = 0
    pending_since: float | None = None
    sealed: int = 0
    sealed_bytes: int = 0
    sealed_since: float | None = None
    in_flight: int = 0
    next_slice_at: float = 0.0
    has_more_to_seal: bool = False
    has_batch: bool = False
    unspooled_since: float | None = None
    sent_at: float | None = None
    retry_at: float = 0.0
    paused_until: float = 0.0
    next_spooled_at: float = math.inf
    spool_again_at: float = 0.0
    flush_requested_at: float = 0.0
    flush_tried_at: float = 0.0
    flushed_up_to: float = 0.0
    is_closing: bool = False
    tried_to_close: bool = False
    stop_sending_at: float = math.inf
    idle_until: float = 0.0
    next_heartbeat_at: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The work of one turn, in this order.

    Attributes:
        flushed_up_to: Up to which request flushes are done.
        spool: Whether to move sealed events and batches to the spool.
        send: Where to take a batch from and send it.
        seal: The slice to seal.
        seal_up_to: Also seal events tracked until then whose request still runs.
        send_heartbeat: Whether to send a heartbeat.
        wake_at: When to look again, unless something happens before.
        is_finished: Whether a closing flusher has nothing left to try.
    """

    flushed_up_to: float
    wake_at: float
    spool: bool = False
    send: Source | None = None
    seal: SliceBudget | None = None
    seal_up_to: float = 0.0
    send_heartbeat: bool = False
    is_finished: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do now."""
        return not (self.spool or self.send or self.seal or self.send_heartbeat)


def plan(state: State, now: float) -> Plan:
    """Return the work to do at a moment."""
    if now < state.idle_until:
        return Plan(flushed_up_to=state.flushed_up_to, wake_at=state.idle_until)
    flushed_up_to = _flushed_up_to(state)
    is_urgent = state.is_closing or state.flush_requested_at > flushed_up_to
    seal_at = _seal_at(state, now)
    is_slicing = not is_urgent and _is_slicing(state, seal_at)
    spool_at = _spool_at(state, now, is_urgent=is_urgent, is_slicing=is_slicing)
    from_memory_at = _send_from_memory_at(state, is_urgent=is_urgent, is_slicing=is_slicing)
    send_at = (
        math.inf if state.sent_at is not None else min(from_memory_at, _send_from_spool_at(state))
    )
    if state.is_closing and _is_finished(state, now, send_at):
        return Plan(flushed_up_to=flushed_up_to, wake_at=now, is_finished=True)
    moments = (spool_at, send_at, seal_at, state.next_heartbeat_at)
    if min(moments) > now:
        return Plan(flushed_up_to=flushed_up_to, wake_at=min(*moments, state.stop_sending_at))
    spool = spool_at <= now
    # Spooled events are not sent as well; the next turn decides about the rest.
    source = Source.MEMORY if from_memory_at <= now else Source.SPOOL
    return Plan(
        flushed_up_to=flushed_up_to,
        wake_at=now,
        spool=spool,
        send=source if send_at <= now and not spool else None,
        seal=_budget(state, now) if seal_at <= now else None,
        seal_up_to=math.inf if state.is_closing else state.flush_requested_at,
        send_heartbeat=state.next_heartbeat_at <= now,
    )


def stop_sending_at(deadline: float, now: float, *, exit_reserve: float) -> float:
    """Return when a flusher that is closed at ``now`` stops to send.

    The spool needs a moment before the deadline, but at most a quarter of the time left.
    """
    return deadline - min(exit_reserve, (deadline - now) / 4)


def _flushed_up_to(state: State) -> float:
    """Return the last request before which all events are delivered, dropped or spooled."""
    requested_at = state.flush_requested_at
    queued_since = (state.pending_since, state.sealed_since)
    if state.unspooled_since is None and all(
        since is None or since > requested_at for since in queued_since
    ):
        return requested_at
    return state.flushed_up_to


def _fills_batch(events: int, size: int) -> bool:
    return events >= BATCH_EVENTS or size >= BATCH_BYTES


def _seal_at(state: State, now: float) -> float:
    since = state.pending_since
    if since is None or (state.sent_at is not None and now >= state.stop_sending_at - SEND_SECONDS):
        return math.inf
    if state.is_closing or since <= state.flush_requested_at:
        return 0.0
    if _fills_batch(state.pending, state.pending_bytes):
        return state.next_slice_at
    wait = min(state.flush_interval, SEAL_AFTER, state.persist_after)
    return max(since + wait, state.next_slice_at)


def _is_slicing(state: State, seal_at: float) -> bool:
    """Return whether the next slice comes at once and belongs to the same batch."""
    is_due = state.has_more_to_seal and seal_at <= state.next_slice_at
    return is_due and not _fills_batch(state.sealed, state.sealed_bytes)


def _budget(state: State, now: float) -> SliceBudget:
    since = now if state.pending_since is None else state.pending_since
    if state.is_closing or since <= state.flush_requested_at:
        return FLUSHING
    if since + state.persist_after + OVERDUE_SECONDS < now:
        return OVERDUE
    return BACKLOG if state.pending > BATCH_EVENTS else IDLE


def _spool_at(state: State, now: float, *, is_urgent: bool, is_slicing: bool) -> float:
    since = state.unspooled_since
    if since is None:
        since = state.sealed_since
    if since is None or state.persist_after == math.inf:
        return math.inf
    wait = 0.0 if is_urgent else state.persist_after
    due = max(since + wait + (GATHER_SECONDS if is_slicing else 0.0), state.spool_again_at)
    if state.sent_at is not None:
        return max(due, state.sent_at + UNANSWERED_SECONDS)
    # Otherwise the batch is sent again before.
    return due if max(due, now) < state.retry_at else math.inf


def _send_from_memory_at(state: State, *, is_urgent: bool, is_slicing: bool) -> float:
    """Return when a batch from memory may leave."""
    since = state.sealed_since
    if since is None and not state.has_batch:
        return math.inf
    if state.is_closing and not state.tried_to_close:
        return 0.0  # the collector may be back
    if is_urgent and state.flush_requested_at > state.flush_tried_at:
        return state.paused_until
    due = 0.0
    is_batch_ready = state.has_batch or _fills_batch(state.sealed, state.sealed_bytes)
    if since is not None and not is_batch_ready and not is_urgent:
        due = since + _batch_interval(state) + (GATHER_SECONDS if is_slicing else 0.0)
    return max(due, state.retry_at, state.paused_until)


def _batch_interval(state: State) -> float:
    """Return the flush interval; a spool needs to know in time whether the collector answers."""
    if state.flush_interval <= SEAL_AFTER:
        return min(state.flush_interval, state.persist_after)
    return state.flush_interval


def _send_from_spool_at(state: State) -> float:
    """Return when a batch from the spool may leave."""
    return max(state.retry_at, state.paused_until, state.next_spooled_at)


def _is_finished(state: State, now: float, send_at: float) -> bool:
    if now >= state.stop_sending_at:
        return True
    if state.sent_at is not None:
        return False
    if state.tried_to_close and state.retry_at >= state.stop_sending_at:
        return True
    return state.pending + state.sealed + state.in_flight == 0 and send_at > now
