"""More events than any queue holds, and what a contestant's process learns of them."""

import logging
import time
from importlib import import_module
from typing import Final, NamedTuple

from benchmarks.drive.apps import wsgi_app
from benchmarks.peers.peer import OURS, open_peer
from benchmarks.work import EVENT, PROPERTIES

EVENTS: Final = 15_000
SETTLING_SECONDS: Final = 2.0
"""Longer than any contestant waits until it says something of what it dropped."""


class Flood(NamedTuple):
    """What a process learns.

    Attributes:
        refused: Calls whose answer said that the event was not taken; None if no answer says.
        lines: Lines that were logged as a warning, or worse.
        waiting: Ours alone: events that wait, by its count.
        dropped: Ours alone: events that are lost, by its count.
    """

    refused: int | None
    lines: int
    waiting: int | None = None
    dropped: int | None = None


class _Lines(logging.Handler):
    """Counts what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count a line."""
        del record
        self.count += 1


def flooded(*, name: str, url: str) -> Flood:
    """Tell of the events, one after the other, and return what was learned."""
    lines = _Lines()
    logging.getLogger().addHandler(lines)
    peer = open_peer(name, url)
    peer.wrap_wsgi(wsgi_app())  # ours takes its settings there
    answers = [peer.track(EVENT, dict(PROPERTIES)) for _ in range(EVENTS)]
    time.sleep(SETTLING_SECONDS)
    refused = None if None in answers else answers.count(False)
    if name != OURS:
        return Flood(refused, lines.count)
    stats = import_module("sqreen_mw").stats()
    return Flood(refused, lines.count, stats.waiting, sum(stats.dropped.values()))
