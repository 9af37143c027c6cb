"""The bounded queue, of pending events and then of sealed ones, and what became of each."""

from collections import defaultdict, deque
from typing import Final, Generic, Protocol, TypeVar

from sqreen_mw.agent.delivery.batch import BATCH_BYTES, BATCH_EVENTS
from sqreen_mw.agent.pending import PendingEvent, SealedEvent
from sqreen_mw.agent.process import unpatched
from sqreen_mw.agent.stats import Stats


class Sized(Protocol):
    """An event of either kind."""

    @property
    def size(self) -> int:
        """About the bytes of memory held."""

    @property
    def tracked_at(self) -> float:
        """When it was tracked, in monotonic seconds."""


AnEvent = TypeVar("AnEvent", bound=Sized)


class SizedFifo(Generic[AnEvent]):
    """A first-in first-out queue that knows its bytes; whoever uses it holds a lock.

    That lock is reentrant: a signal handler may use the queue in the middle of everything here, or
    raise. CPython lets one run where a function begins, where one written in C has returned, and
    where a loop turns. So what belongs together is changed without a call in between.

    Attributes:
        events: The events.
        bytes: About the bytes of memory that they hold.
    """

    __slots__ = ("bytes", "events")

    def __init__(self) -> None:
        self.events: Final[deque[AnEvent]] = deque()
        self.bytes: int = 0

    def __len__(self) -> int:
        return len(self.events)

    @property
    def full(self) -> bool:
        """Whether a whole batch waits."""
        return len(self.events) >= BATCH_EVENTS or self.bytes >= BATCH_BYTES

    @property
    def oldest(self) -> float | None:
        """When its first event was tracked, in monotonic seconds, or None."""
        try:
            return self.events[0].tracked_at
        except IndexError:
            return None

    def append(self, event: AnEvent) -> None:
        """Queue an event."""
        size = event.size
        self.bytes += size
        self.events.append(event)

    def pop(self) -> AnEvent:
        """Take the first event.

        Raises:
            IndexError: There is none.
        """
        events = self.events
        while True:
            event = events[0]
            size = event.size
            if events and events[0] is event:  # else a signal handler was faster
                del events[0]
                self.bytes -= size
                return event

    def put_back(self, events: list[AnEvent]) -> None:
        """Queue events that were taken, in front of all others."""
        size = sum(event.size for event in events)
        backwards = events[::-1]
        self.bytes += size
        self.events.extendleft(backwards)

    def clear(self) -> None:
        """Forget all events."""
        self.bytes = 0
        self.events.clear()


KEEPING_SECONDS: Final = 0.2
"""How long the end waits for events that are just being written to disk."""

MAX_EVENTS: Final = 10_000
MAX_BYTES: Final = 16 * 1024 * 1024 - 2 * BATCH_BYTES
"""Bytes of the queue; what is missing of 16 MiB is for what is being sealed, and for a batch."""

_EDGES: Final = frozenset({1, BATCH_EVENTS})


class EventQueue:
    """A first-in first-out queue that drops its oldest events rather than grow.

    The lock is reentrant and native, and nothing under it calls the app or switches greenlets: a
    signal handler or a destructor that tracks in the middle of ``put`` can't deadlock it. One that
    raises leaves the counts whole: see ``SizedFifo`` for where it can.

    Attributes:
        keeping: A lock that is held while events are written to disk, and then counted as there.
        pending: Events that are not sealed.
        sealed: Those that wait for a batch.
    """

    def __init__(self, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._max_events: Final = max_events
        self._max_bytes: Final = max_bytes
        self._lock: Final = unpatched.new_rlock()
        self.keeping: Final = unpatched.new_rlock()
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
        """The number of events that went because a bound was reached."""
        return self._dropped["overflow"]

    @property
    def waiting(self) -> int:
        """The number of events in memory alone: queued, or under way and not in the spool."""
        with self._lock:  # an event that moves meanwhile must not be missed
            return len(self.pending) + len(self.sealed) + self.in_flight

    @property
    def abandoned(self) -> bool:
        """Whether what waited in memory is given up."""
        return self._abandoned

    @property
    def undelivered(self) -> int:
        """The number of events in memory and in the spool."""
        return self.waiting + self._spooled

    @property
    def oldest(self) -> float | None:
        """When the oldest queued event was tracked, in monotonic seconds, or None."""
        with self._lock:
            moments = (self.pending.oldest, self.sealed.oldest)
            return min((moment for moment in moments if moment is not None), default=None)

    def put(self, event: PendingEvent) -> bool:
        """Queue an event; the oldest ones go, counted, where the bounds are reached.

        Returns:
            Whether the flusher should know: it is the first event, or the one that fills a batch.
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
                self._keep_bounds()
            return count in _EDGES or held - size < BATCH_BYTES <= held

    def take_ready(
        self, now: float, *, up_to: float, most: int = BATCH_EVENTS
    ) -> list[PendingEvent]:
        """Take events that can be sealed, oldest first, at most a batch of them.

        They count as under way.

        Args:
            now: Monotonic seconds.
            up_to: Also take events that were tracked until then and whose request still runs.
            most: How many to take.
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
        """Queue events again, in front of all others, that were taken to be sealed."""
        with self._lock:
            if not self._abandoned:
                self.in_flight -= len(events)
                self.pending.put_back(events)

    def put_sealed(self, event: SealedEvent) -> None:
        """Queue an event that was taken to be sealed."""
        with self._lock:
            if not self._abandoned:
                self.in_flight -= 1
                self.sealed.append(event)
                if self.pending.bytes + self.sealed.bytes > self._max_bytes:
                    self._keep_bounds()

    def take_batch(self) -> list[SealedEvent]:
        """Take the events of one batch, oldest first; they count as under way until settled."""
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
        """Settle events under way: the collector has them."""
        with self._lock:
            if not self._abandoned:
                self.in_flight -= count
                self._delivered += count

    def dropped(self, reason: str, count: int = 1) -> None:
        """Settle events under way: they are lost."""
        with self._lock:
            if not self._abandoned:
                self.in_flight -= count
                self._dropped[reason] += count

    def spooled(self, count: int) -> None:
        """Note events in memory alone that lie in the spool from now on."""
        with self._lock:
            if not self._abandoned:
                self.in_flight -= count
                self._spooled += count

    def unspooled(self, count: int) -> None:
        """Note events that lie in the spool no more, and are still under way."""
        with self._lock:
            if not self._abandoned:
                self._spooled -= count
                self.in_flight += count

    def adopted(self, count: int) -> None:
        """Note events that another process left in the spool, and that are under way here."""
        with self._lock:
            if not self._abandoned:
                self._replayed += count
                self.in_flight += count

    def lost_in_spool(self, reason: str, count: int) -> None:
        """Settle events of the spool: they are lost."""
        with self._lock:
            if not self._abandoned:
                self._spooled -= count
                self._dropped[reason] += count

    def refused(self, reason: str) -> None:
        """Count an event that is not even queued."""
        with self._lock:
            self._tracked += 1
            self._dropped[reason] += 1

    def abandon(self, reason: str) -> int:
        """Drop all that waits in memory alone, and return how many events that were.

        This is the end: a verdict that comes later changes no count, and no event is taken, or
        written to disk.
        """
        kept = self.keeping.acquire(timeout=KEEPING_SECONDS)
        try:
            return self._abandon(reason)
        finally:
            if kept:
                self.keeping.release()

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
        """Return the counts of one moment."""
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

    def _keep_bounds(self) -> None:
        """Drop the oldest events of what holds more, while there are too many.

        While the collector is away that is what is sealed. Where sealing is what falls behind, an
        event on which the work is done does not go for one on which it is not.
        """
        pending, sealed = self.pending, self.sealed
        while (
            len(pending.events) + len(sealed.events) + self.in_flight > self._max_events
            or pending.bytes + sealed.bytes > self._max_bytes
        ):
            try:
                (sealed if sealed.bytes > pending.bytes else pending).pop()
            except IndexError:  # nothing is left to drop, or a signal handler was faster
                return
            self._dropped["overflow"] += 1
