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


AnEvent = TypeVar("AnEvent", bound=Sized)


class Stage(Generic[AnEvent]):
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
