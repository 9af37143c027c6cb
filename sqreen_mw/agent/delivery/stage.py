"""A stage of the queue: events in the order in which they were tracked, and their bytes."""

from collections import deque
from typing import Final, Generic, Protocol, TypeVar

from sqreen_mw.agent.delivery.batch import BATCH_BYTES, BATCH_EVENTS


class Sized(Protocol):
    """An event of either kind."""

    @property
    def size(self) -> int:
        """About the bytes of memory held."""

    @property
    def tracked_at(self) -> float:
        """When it was tracked, in monotonic seconds."""


_EDGES: Final = frozenset({1, BATCH_EVENTS})

AnEvent = TypeVar("AnEvent", bound=Sized)


class Stage(Generic[AnEvent]):
    """A first-in first-out queue that knows its bytes; whoever uses it holds a lock.

    That lock is reentrant: a signal handler may use it in the middle of everything here. So nothing
    is called between the read of a count and its write.

    Attributes:
        bytes: About the bytes of memory that its events hold.
        count: The number of its events.
    """

    __slots__ = ("_events", "bytes", "count")

    def __init__(self) -> None:
        self._events: Final[deque[AnEvent]] = deque()
        self.bytes: int = 0
        self.count: int = 0

    def __len__(self) -> int:
        return len(self._events)

    @property
    def full(self) -> bool:
        """Whether a whole batch waits."""
        return len(self._events) >= BATCH_EVENTS or self.bytes >= BATCH_BYTES

    @property
    def oldest(self) -> float | None:
        """When its first event was tracked, in monotonic seconds, or None."""
        try:
            return self._events[0].tracked_at
        except IndexError:
            return None

    def append(self, event: AnEvent) -> bool:
        """Queue an event, and tell whether it is the first one, or fills a batch."""
        size = event.size
        self._events.append(event)
        self.count += 1
        self.bytes += size
        return self.count in _EDGES or self.bytes - size < BATCH_BYTES <= self.bytes

    def pop(self) -> AnEvent:
        """Take the first event."""
        event = self._events.popleft()
        size = event.size
        self.count -= 1
        self.bytes -= size
        return event

    def put_back(self, events: list[AnEvent]) -> None:
        """Queue events that were taken, in front of all others."""
        count, size = len(events), sum(event.size for event in events)
        self._events.extendleft(reversed(events))
        self.count += count
        self.bytes += size

    def clear(self) -> None:
        """Forget all events."""
        self._events.clear()
        self.bytes = 0
        self.count = 0
