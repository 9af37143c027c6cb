"""The bounded queue of pending and sealed events, and the counters of every event."""

from collections import defaultdict, deque
from typing import Final, Generic, Protocol, TypeVar

from sqreen_mw.agent.calls import Stats
from sqreen_mw.agent.delivery.batch import BATCH_BYTES, BATCH_EVENTS
from sqreen_mw.agent.process import unpatched
from sqreen_mw.agent.sealing import PendingEvent, SealedEvent


class Sized(Protocol):
    """A pending or sealed event."""

    @property
    def size(self) -> int:
        """About the bytes of memory that it uses."""

    @property
    def tracked_at(self) -> float:
        """When it was tracked, in monotonic seconds."""


AnEvent = TypeVar("AnEvent", bound=Sized)


class SizedFifo(Generic[AnEvent]):
    """A first-in first-out queue that counts its bytes. Its user holds a reentrant lock.

    A signal handler may interrupt every method, and use the queue itself or raise. CPython runs
    handlers when a function starts, when a C function has returned, and when a loop repeats. So
    attributes that belong together are changed without a call in between.

    Attributes:
        events: The events.
        bytes: About the bytes of memory that they use.
    """

    __slots__ = ("bytes", "events")

    def __init__(self) -> None:
        self.events: Final[deque[AnEvent]] = deque()
        self.bytes: int = 0

    def __len__(self) -> int:
        return len(self.events)

    def append(self, event: AnEvent) -> None:
        """Append an event."""
        size = event.size
        self.bytes += size
        self.events.append(event)

    def pop(self) -> AnEvent:
        """Remove and return the first event.

        Raises:
            IndexError: It is empty.
        """
        events = self.events
        while True:
            event = events[0]
            size = event.size
            if events and events[0] is event:  # else a signal handler has taken it
                del events[0]
                self.bytes -= size
                return event

    def put_back(self, events: list[AnEvent]) -> None:
        """Put events back in front of all others."""
        size = sum(event.size for event in events)
        backwards = events[::-1]
        self.bytes += size
        self.events.extendleft(backwards)

    def clear(self) -> None:
        """Remove all events."""
        self.bytes = 0
        self.events.clear()


SPOOL_LOCK_SECONDS: Final = 0.2
"""How long an exit waits for a write to disk that is being committed."""

MAX_EVENTS: Final = 10_000
MAX_BYTES: Final = 16 * 1024 * 1024 - 2 * BATCH_BYTES
"""Bytes of the queue. The rest of 16 MiB is for a slice being sealed and a batch."""

_WAKING_COUNTS: Final = frozenset({1, BATCH_EVENTS})
"""The numbers of pending events at which the flusher is woken."""


class EventQueue:
    """A first-in first-out queue that drops its oldest events when it is full.

    Its lock is reentrant and native, and no code under it calls the app or switches greenlets: a
    signal handler or a destructor that tracks during ``put`` can't deadlock. If it raises, the
    counters stay correct (see ``SizedFifo``).

    Attributes:
        spool_lock: Held while events that were written to disk are committed and counted.
        pending: Events that are not sealed.
        sealed: Sealed events that wait for a batch.
        in_flight: Number of events that are being sealed, or in a batch that only memory holds.
    """

    def __init__(self, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._max_events: Final = max_events
        self._max_bytes: Final = max_bytes
        self._lock: Final = unpatched.new_rlock()
        self.spool_lock: Final = unpatched.new_rlock()
        self.pending: Final[SizedFifo[PendingEvent]] = SizedFifo()
        self.sealed: Final[SizedFifo[SealedEvent]] = SizedFifo()
        self._tracked = 0
        self._delivered = 0
        self.in_flight = 0
        self._spooled = 0
        self._replayed = 0
        self._abandoned = False
        self._dropped: Final = defaultdict[str, int](int)

    @property
    def overflowed(self) -> int:
        """The number of events dropped because the queue was full."""
        return self._dropped["overflow"]

    @property
    def waiting(self) -> int:
        """The number of events that only memory holds: queued, or in flight and not spooled."""
        with self._lock:  # so that no event is missed that another thread moves
            return len(self.pending) + len(self.sealed) + self.in_flight

    @property
    def abandoned(self) -> bool:
        """Whether the events in memory have been given up."""
        return self._abandoned

    @property
    def undelivered(self) -> int:
        """The number of events in memory and in the spool."""
        return self.waiting + self._spooled

    def put(self, event: PendingEvent) -> bool:
        """Queue an event. If the queue is full, the oldest events are dropped and counted.

        Returns:
            Whether to wake the flusher: for the first event, and for one that fills a batch.
        """
        pending, sealed = self.pending, self.sealed
        size = event.size
        with self._lock:
            if self._abandoned:
                self._tracked += 1
                self._dropped["closed"] += 1
                return False
            count = len(pending.events) + 1
            self._tracked += 1
            pending.bytes += size
            held = pending.bytes
            pending.events.append(event)
            if (
                len(pending.events) + len(sealed.events) + self.in_flight > self._max_events
                or pending.bytes + sealed.bytes > self._max_bytes
            ):
                self._drop_oldest()
            return count in _WAKING_COUNTS or held - size < BATCH_BYTES <= held

    def take_ready(
        self, now: float, *, up_to: float, most: int = BATCH_EVENTS
    ) -> list[PendingEvent]:
        """Take events that can be sealed, oldest first. They count as in flight.

        Args:
            now: Monotonic seconds.
            up_to: Also take events tracked until then whose request still runs.
            most: The most events to take.
        """
        taken: list[PendingEvent] = []
        kept: list[PendingEvent] = []
        size = 0
        with self._lock:
            pending = self.pending
            while pending.events and len(taken) < most and size < BATCH_BYTES:
                event = pending.pop()
                if event.tracked_at <= up_to or event.ready(now):
                    taken.append(event)
                    size += event.size
                else:
                    kept.append(event)
            pending.put_back(kept)
            self.in_flight += len(taken)
        return taken

    def put_back(self, events: list[PendingEvent]) -> None:
        """Put back events that were taken and not sealed, in front of all others."""
        with self._lock:
            if not self._abandoned:
                self.in_flight -= len(events)
                self.pending.put_back(events)

    def put_sealed(self, event: SealedEvent) -> None:
        """Queue a sealed event."""
        with self._lock:
            if not self._abandoned:
                self.in_flight -= 1
                self.sealed.append(event)
                if self.pending.bytes + self.sealed.bytes > self._max_bytes:
                    self._drop_oldest()

    def take_batch(self) -> list[SealedEvent]:
        """Take the events of a batch, oldest first. They count as in flight until settled."""
        taken: list[SealedEvent] = []
        size = 0
        with self._lock:
            sealed = self.sealed
            while sealed.events and len(taken) < BATCH_EVENTS:
                event = sealed.pop()
                size += len(event.data) + 1
                if taken and size > BATCH_BYTES:
                    sealed.put_back([event])
                    break
                taken.append(event)
            self.in_flight += len(taken)
        return taken

    def delivered(self, count: int) -> None:
        """Count events in flight as delivered."""
        with self._lock:
            if not self._abandoned:
                self.in_flight -= count
                self._delivered += count

    def dropped(self, reason: str, count: int = 1) -> None:
        """Count events in flight as lost."""
        with self._lock:
            if not self._abandoned:
                self.in_flight -= count
                self._dropped[reason] += count

    def spooled(self, count: int) -> None:
        """Count events in flight as spooled."""
        with self._lock:
            if not self._abandoned:
                self.in_flight -= count
                self._spooled += count

    def unspooled(self, count: int) -> None:
        """Count events as no longer spooled, but still in flight."""
        with self._lock:
            if not self._abandoned:
                self._spooled -= count
                self.in_flight += count

    def adopted(self, count: int) -> None:
        """Count spooled events of another process that are in flight here now."""
        with self._lock:
            if not self._abandoned:
                self._replayed += count
                self.in_flight += count

    def lost_in_spool(self, reason: str, count: int) -> None:
        """Count spooled events as lost."""
        with self._lock:
            if not self._abandoned:
                self._spooled -= count
                self._dropped[reason] += count

    def refused(self, reason: str, count: int = 1) -> None:
        """Count events that were not queued."""
        with self._lock:
            self._tracked += count
            self._dropped[reason] += count

    def abandon(self, reason: str) -> int:
        """Drop all events that only memory holds, and return their number.

        Afterwards the counters are final: late answers are ignored, and no event is accepted or
        spooled.
        """
        acquired = self.spool_lock.acquire(timeout=SPOOL_LOCK_SECONDS)
        try:
            return self._abandon(reason)
        finally:
            if acquired:
                self.spool_lock.release()

    def _abandon(self, reason: str) -> int:
        with self._lock:
            self._abandoned = True
            count = self.waiting
            self.pending.clear()
            self.sealed.clear()
            self.in_flight = 0
            self._dropped[reason] += count
        return count

    def stats(self, misuse: dict[str, int]) -> Stats:
        """Return the counters of this moment."""
        with self._lock:
            return Stats(
                tracked=self._tracked,
                delivered=self._delivered,
                waiting=self.undelivered,
                spooled=self._spooled,
                replayed=self._replayed,
                dropped={reason: count for reason, count in self._dropped.items() if count},
                misuse=misuse,
            )

    def _drop_oldest(self) -> None:
        """Drop the oldest events of the larger part until the queue is within its limits.

        While the collector is away, the sealed part is larger. If sealing falls behind, the
        pending part is, so no sealed event is dropped for one that still has to be sealed.
        """
        pending, sealed = self.pending, self.sealed
        while (
            len(pending.events) + len(sealed.events) + self.in_flight > self._max_events
            or pending.bytes + sealed.bytes > self._max_bytes
        ):
            try:
                (sealed if sealed.bytes > pending.bytes else pending).pop()
            except IndexError:  # nothing is left, or a signal handler has taken it
                return
            self._dropped["overflow"] += 1
