"""Delete old events once an hour."""

import logging
import threading
from typing import Final

from sqreen_mw.collector.clock import Clock, system_clock
from sqreen_mw.collector.events.base import EventStore
from sqreen_mw.errors import StoreError

HOUR_SECONDS: Final = 60 * 60.0

_DAY: Final = 24 * 60 * 60 * 1000
_logger: Final = logging.getLogger("sqreen_mw.collector.retention")


class Retention:
    """A thread that deletes the periods of an event store that are older than some days.

    Args:
        events: The event store.
        days: Number of days to keep. With 0 nothing is deleted.
        clock: Returns the present.
    """

    def __init__(self, events: EventStore, *, days: int, clock: Clock = system_clock) -> None:
        self._events = events
        self._days = days
        self._clock = clock
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sqreen-retention", daemon=True)
        if days:
            self._thread.start()

    def delete_old(self) -> None:
        """Delete the periods that end before the first kept day. A failure is logged."""
        try:
            number = self._events.remove_before(self._clock() - self._days * _DAY)
        except StoreError as error:
            _logger.warning("old events cannot be deleted: %s", error)
            return
        if number:
            _logger.info(
                "%d files of events older than %d days are deleted (--keep-days)",
                number,
                self._days,
            )

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        if self._days:
            self._thread.join()

    def _run(self) -> None:
        self.delete_old()
        while not self._closed.wait(HOUR_SECONDS):
            self.delete_old()
