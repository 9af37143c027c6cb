"""Catches events in this process, on the way that they would leave it."""

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
from sqreen_mw.agent.runtime import begin_diversion, end_diversion
from sqreen_mw.protocol.event import Event
from sqreen_mw.testing.captured import CapturedEvents

URL: Final = "memory://sqreen_mw.testing"
SEAL_SECONDS: Final = 10.0
"""How long a capture waits while no event is sealed; only a hook of the app takes any time."""

_ALL: Final = partial(EventQueue, max_events=sys.maxsize, max_bytes=sys.maxsize)
"""A queue that drops nothing: a test is to see all that it tracks."""

_CREATED: Final = len("01234567-89ab")


@contextmanager
def capture_events() -> Iterator[CapturedEvents]:
    """Catch the events that this process tracks within the block; none of them leaves it.

    They come through whatever middleware the app has, whether it is configured or not, and are
    what would be sent: with their request, shown to ``before_send``, and scrubbed. Captures may
    overlap and be nested: each has all events of its own time.

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
    """Takes an agent's calls; an app that closes it goes on to be captured."""

    def __init__(self, config: Config) -> None:
        # Without the app's spool, which holds what is the collector's.
        super().__init__(replace(config, spool_dir=None), url=URL, make_queue=_ALL)

    def close(self, timeout: float) -> int:
        self.flush(timeout)
        return 0

    async def aclose(self, timeout: float) -> int:
        await self.aflush(timeout)
        return 0

    def settle(self) -> None:
        """Let everything that was tracked be sealed, of requests under way too.

        Raises:
            TimeoutError: There is more, and none of it is sealed any more.
        """
        done = -1
        while (stats := self.stats()).waiting and not self.flush(SEAL_SECONDS):
            if stats.tracked - stats.waiting == done:
                raise TimeoutError(f"events were not sealed within {SEAL_SECONDS:g} s")
            done = stats.tracked - stats.waiting

    def stop(self) -> None:
        """End its thread."""
        super().close(CLOSE_SECONDS)


class _Captures:
    """All captures of the process: they share one diversion, and each is a window on one list."""

    def __init__(self) -> None:
        self._lock: Final = threading.RLock()
        self._under_way = 0
        self._stand_ins: Final[list[_StandIn]] = []
        self._events: Final = memory_events(URL)

    def begin(self) -> int:
        """Begin a capture, and return how many events are not its own."""
        with self._lock:
            self._settle()
            if not self._under_way:
                begin_diversion(self._stand_in)
            self._under_way += 1
            return len(self._events)

    def end(self) -> None:
        """End a capture, and with the last one the diversion."""
        with self._lock:
            self._under_way -= 1
            if self._under_way:
                return
            end_diversion()
            for stand_in in self._stand_ins:
                stand_in.stop()
            self._stand_ins.clear()
            self._events.clear()

    def events(self, start: int) -> list[Event]:
        """Return the events from a place on, in the order in which they were tracked."""
        with self._lock:
            self._settle()
            return sorted(self._events[start:], key=lambda event: event.id[:_CREATED])

    def losses(self) -> dict[str, int]:
        """Return how often a call was wrong, or an event was dropped, by the cause."""
        counts: dict[str, int] = {}
        for stats in [stand_in.stats() for stand_in in self._stand_ins]:
            for cause, count in [*stats.dropped.items(), *stats.misuse.items()]:
                counts[cause] = counts.get(cause, 0) + count
        return counts

    def _stand_in(self, config: Config) -> _StandIn:
        stand_in = _StandIn(config)
        self._stand_ins.append(stand_in)
        return stand_in

    def _settle(self) -> None:
        for stand_in in self._stand_ins:
            stand_in.settle()


_captures: Final = _Captures()
