"""Captures the events of this process instead of sending them."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final

from sqreen_mw.agent.agent import Agent
from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.transports.local import memory_events
from sqreen_mw.agent.process.exit import CLOSE_SECONDS
from sqreen_mw.agent.runtime import install_stand_ins, remove_stand_ins
from sqreen_mw.protocol.event import Event
from sqreen_mw.testing.captured import CapturedEvents

URL: Final = "memory://sqreen_mw.testing"
SEAL_SECONDS: Final = 10.0
"""The longest wait for the next sealed event; only a hook of the app can be slow."""

_ALL: Final = partial(EventQueue, max_events=sys.maxsize, max_bytes=sys.maxsize)
"""A queue without limits, so that a test sees all of its events."""

_COUNTER: Final = slice(-12, None)
"""The part of an event id that counts: unlike its time, no test changes it."""


@contextmanager
def capture_events() -> Iterator[CapturedEvents]:
    """Capture the events that this process tracks within the block. None is sent.

    Captured events are complete: they contain their request, have passed ``before_send`` and are
    scrubbed. The app's middleware can be configured or not. Captures can overlap and be nested;
    each contains all events of its own time.

    Raises:
        ConfigurationError: A setting is wrong; the message names it and the fix.
    """
    start = _captures.begin()
    captured = CapturedEvents(lambda: _captures.events(start), _captures.losses)
    try:
        yield captured
        captured.freeze()
    finally:
        _captures.end()


class _StandIn(Agent):
    """Receives an agent's calls, also after the app has closed the agent."""

    def __init__(self, config: Config) -> None:
        # Without the app's spool, which contains events for the collector.
        super().__init__(replace(config, spool_dir=None), url=URL, make_queue=_ALL)

    def close(self, timeout: float) -> int:
        self.flush(timeout)
        return 0

    async def aclose(self, timeout: float) -> int:
        await self.aflush(timeout)
        return 0

    def wait_until_sealed(self) -> None:
        """Wait until all tracked events are sealed, including those of running requests.

        Raises:
            TimeoutError: Sealing does not continue.
        """
        done = -1
        while (stats := self.stats()).waiting and not self.flush(SEAL_SECONDS):
            if stats.tracked - stats.waiting == done:
                raise TimeoutError(f"events were not sealed within {SEAL_SECONDS:g} s")
            done = stats.tracked - stats.waiting

    def stop(self) -> None:
        """Stop the agent's thread."""
        super().close(CLOSE_SECONDS)


class _Captures:
    """All captures of the process. They share one list of events."""

    def __init__(self) -> None:
        self._lock: Final = threading.RLock()
        self._under_way = 0
        self._stand_ins: Final[list[_StandIn]] = []
        self._events: Final = memory_events(URL)

    def begin(self) -> int:
        """Begin a capture and return the index of its first event."""
        with self._lock:
            self._wait_until_sealed()
            if not self._under_way:
                install_stand_ins(self._stand_in)
            self._under_way += 1
            return len(self._events)

    def end(self) -> None:
        """End a capture. The last one gives the calls back to the app's agents."""
        with self._lock:
            self._under_way -= 1
            if self._under_way:
                return
            remove_stand_ins()
            for stand_in in self._stand_ins:
                stand_in.stop()
            self._stand_ins.clear()
            self._events.clear()

    def events(self, start: int) -> list[Event]:
        """Return the events from an index on, in the order of their ``track()`` calls."""
        with self._lock:
            self._wait_until_sealed()
            return sorted(self._events[start:], key=lambda event: event.id[_COUNTER])

    def losses(self) -> dict[str, int]:
        """Return the number of wrong calls and dropped events by cause."""
        counts: dict[str, int] = {}
        for stats in [stand_in.stats() for stand_in in self._stand_ins]:
            for cause, count in [*stats.dropped.items(), *stats.misuse.items()]:
                counts[cause] = counts.get(cause, 0) + count
        return counts

    def _stand_in(self, config: Config) -> _StandIn:
        stand_in = _StandIn(config)
        self._stand_ins.append(stand_in)
        return stand_in

    def _wait_until_sealed(self) -> None:
        for stand_in in self._stand_ins:
            stand_in.wait_until_sealed()


_captures: Final = _Captures()
