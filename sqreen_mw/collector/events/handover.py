"""Hand committed events over in memory, so that a consumer need not read them from the store."""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from sqreen_mw.collector.events.base import StoredEvent

MAX_BYTES: Final = 16 * 1024 * 1024
"""Maximum size of the waiting events. The oldest batches are dropped: the store has them."""


class Handover:
    """The latest committed batches, for one consumer. Thread-safe, and never waits.

    Args:
        max_bytes: Maximum size of the waiting events, by their JSON.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._waiting: deque[tuple[Sequence[StoredEvent], int]] = deque()
        self._lock = threading.Lock()

    def put(self, events: Sequence[StoredEvent], *, size: int) -> None:
        """Add committed events, in the order of storing.

        Args:
            events: At least one event. Their sequence numbers follow each other.
            size: Bytes of their JSON.
        """
        with self._lock:
            self._waiting.append((events, size))
            self._bytes += size
            while self._bytes > self._max_bytes:
                self._bytes -= self._waiting.popleft()[1]

    def take(self, *, after: int) -> Sequence[StoredEvent]:
        """Return the events that follow a sequence number.

        Without any, or if some in between were dropped, the result is empty: read the store.
        """
        with self._lock:
            while self._waiting and self._waiting[0][0][-1].seq <= after:
                self._bytes -= self._waiting.popleft()[1]
            if not self._waiting or self._waiting[0][0][0].seq != after + 1:
                return ()
            events, size = self._waiting.popleft()
            self._bytes -= size
            return events
