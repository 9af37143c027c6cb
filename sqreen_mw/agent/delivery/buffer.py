"""The bounded queue of pending events, and the count of what became of each."""

import _thread
from collections import Counter, deque
from typing import Final

from sqreen_mw.agent.delivery.batch import BATCH_BYTES, BATCH_EVENTS
from sqreen_mw.agent.pending import PendingEvent
from sqreen_mw.agent.stats import Stats

MAX_EVENTS: Final = 10_000
MAX_BYTES: Final = 16 * 1024 * 1024


class Buffer:
    """A first-in first-out queue that drops its oldest events rather than grow.

    The lock is reentrant and native, and nothing under it calls the app or switches greenlets: a
    signal handler or a destructor that tracks in the middle of ``put`` can't deadlock it.
    """

    def __init__(self, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._max_events: Final = max_events
        self._max_bytes: Final = max_bytes
        self._lock: Final = _thread.RLock()
        self._queue: Final[deque[PendingEvent]] = deque()
        self._bytes = 0
        self._tracked = 0
        self._delivered = 0
        self._under_way = 0
        self._abandoned = False
        self._dropped: Final[Counter[str]] = Counter()

    @property
    def full(self) -> bool:
        """Whether a whole batch waits."""
        return len(self._queue) >= BATCH_EVENTS or self._bytes >= BATCH_BYTES

    @property
    def overflowed(self) -> int:
        """The number of events that went because a bound was reached."""
        return self._dropped["overflow"]

    @property
    def waiting(self) -> int:
        """The number of events that are queued or under way."""
        return len(self._queue) + self._under_way

    def put(self, event: PendingEvent) -> bool:
        """Queue an event; the oldest ones go, counted, where the bounds are reached.

        Returns:
            Whether the flusher should know: it is the first event, or the one that fills a batch.
        """
        with self._lock:
            self._tracked += 1
            if self._abandoned:
                self._dropped["closed"] += 1
                return False
            was_full = self.full
            self._queue.append(event)
            self._bytes += event.size
            while len(self._queue) > self._max_events or self._bytes > self._max_bytes:
                self._bytes -= self._queue.popleft().size
                self._dropped["overflow"] += 1
            return len(self._queue) == 1 or (self.full and not was_full)

    def oldest(self) -> float | None:
        """Return when the oldest queued event was tracked, in monotonic seconds, or None."""
        with self._lock:
            return self._queue[0].tracked_at if self._queue else None

    def take(self, limit: int, *, now: float, everything: bool) -> list[PendingEvent]:
        """Take up to ``limit`` events, oldest first; they count as under way until settled.

        Args:
            limit: At most so many.
            now: Monotonic seconds.
            everything: Also take events whose request still runs.
        """
        taken: list[PendingEvent] = []
        kept: list[PendingEvent] = []
        with self._lock:
            while self._queue and len(taken) < limit:
                event = self._queue.popleft()
                (taken if everything or event.ready(now) else kept).append(event)
            self._queue.extendleft(reversed(kept))
            self._bytes -= sum(event.size for event in taken)
            self._under_way += len(taken)
        return taken

    def delivered(self, count: int) -> None:
        """Settle events under way: the collector has them."""
        with self._lock:
            if not self._abandoned:
                self._under_way -= count
                self._delivered += count

    def dropped(self, reason: str, count: int = 1) -> None:
        """Settle events under way: they are lost."""
        with self._lock:
            if not self._abandoned:
                self._under_way -= count
                self._dropped[reason] += count

    def refused(self, reason: str) -> None:
        """Count an event that is not even queued."""
        with self._lock:
            self._tracked += 1
            self._dropped[reason] += 1

    def abandon(self, reason: str) -> int:
        """Drop all that waits, and return how many events that were.

        This is the end: a verdict that comes later changes no count, and no event is taken.
        """
        with self._lock:
            self._abandoned = True
            count = len(self._queue) + self._under_way
            self._queue.clear()
            self._bytes = 0
            self._under_way = 0
            self._dropped[reason] += count
        return count

    def stats(self, misuse: dict[str, int]) -> Stats:
        """Return the counts of one moment."""
        with self._lock:
            return Stats(
                tracked=self._tracked,
                delivered=self._delivered,
                waiting=len(self._queue) + self._under_way,
                dropped={reason: count for reason, count in self._dropped.items() if count},
                misuse=misuse,
            )
