"""Tracks more events than any queue can keep, and counts the reports about lost events."""

import logging
import time
from importlib import import_module
from typing import Final, NamedTuple

from benchmarks.drive.apps import wsgi_app
from benchmarks.peers.peer import OURS, open_peer
from benchmarks.work import EVENT, PROPERTIES

EVENTS: Final = 15_000
SETTLING_SECONDS: Final = 2.0
"""Longer than any contestant waits before it logs dropped events."""


class Flood(NamedTuple):
    """The reports of a process about its events.

    Attributes:
        refused: Calls whose return value reports a lost event; None if calls return nothing.
        lines: Log lines of level warning and above.
        waiting: Only ours: its counter of waiting events.
        dropped: Only ours: its counter of dropped events.
    """

    refused: int | None
    lines: int
    waiting: int | None = None
    dropped: int | None = None


class _Lines(logging.Handler):
    """Counts log lines."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count a line."""
        del record
        self.count += 1


def flooded(*, name: str, url: str) -> Flood:
    """Track the events one after another, and return the reports."""
    lines = _Lines()
    logging.getLogger().addHandler(lines)
    peer = open_peer(name, url)
    peer.wrap_wsgi(wsgi_app())  # configures ours
    answers = [peer.track(EVENT, dict(PROPERTIES)) for _ in range(EVENTS)]
    time.sleep(SETTLING_SECONDS)
    refused = None if None in answers else answers.count(False)
    if name != OURS:
        return Flood(refused, lines.count)
    stats = import_module("sqreen_mw").stats()
    return Flood(refused, lines.count, stats.waiting, sum(stats.dropped.values()))
