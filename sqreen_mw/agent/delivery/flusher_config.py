"""The configuration of a flusher."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqreen_mw.agent.delivery.interfaces import Spool, Transport, no_spool
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.retry import RetryPolicy
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.process.unpatched import Clock, monotonic
from sqreen_mw.agent.sealing import PendingEvent
from sqreen_mw.protocol.batch import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class FlusherConfig:
    """Everything that a process needs to make its own flusher.

    Attributes:
        open_transport: Makes the transport.
        seal: Returns the JSON of an event, or None if the app drops it. Called on the flusher's
            thread.
        header: The fields of each batch that describe the app.
        interval: Seconds that an event waits for others of its batch.
        guard: Counts and logs errors.
        put_in_child: Queues an event in a forked child, which needs its own flusher.
        sends_heartbeats: Whether to send heartbeats, if the transport accepts them.
        make_queue: Makes the queue.
        open_spool: Opens the spool.
        retry: Timeouts, delays and the age limit.
        clock: Returns monotonic seconds, like ``PendingEvent.tracked_at``.
    """

    open_transport: Callable[[], Transport]
    seal: Callable[[PendingEvent], bytes | None]
    header: Envelope
    interval: float
    guard: Guard
    put_in_child: Callable[[PendingEvent], bool]
    sends_heartbeats: bool = False
    make_queue: Callable[[], EventQueue] = EventQueue
    open_spool: Callable[[EventQueue], Spool] = no_spool
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Clock = monotonic
