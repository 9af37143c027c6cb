"""Divide a time range into slices and read them in turn, newest first.

At its deadline, a slow search returns the events of the finished slices. A full page needs no
further slices.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from sqreen_mw.collector.events.sqlite.readers import is_interrupt

Slice: TypeAlias = tuple[int, int]
"""Start and end of a part of a time range."""

FEW_EVENTS: Final = 5000
"""Events of the first slice, and of the first slice after a gap."""

_FAST: Final = 0.1
"""After a slice that took fewer seconds, the next one is twice as long."""

_NEWEST: Final = "SELECT max(timestamp) FROM events WHERE timestamp >= ? AND timestamp < ?"
_NTH_NEWEST: Final = """
SELECT timestamp FROM events WHERE timestamp >= ? AND timestamp < ?
ORDER BY timestamp DESC LIMIT 1 OFFSET ?
"""


def time_slices(
    connection: sqlite3.Connection, *, start: int, end: int, interval: int = 1
) -> Iterator[Slice]:
    """Yield the start and the end of each slice. Together they have all events of the range.

    A slice ends where the one before starts, at a multiple of ``interval``, or at a later event.
    """
    length = 0
    while True:
        newest = connection.execute(_NEWEST, (start, end)).fetchone()[0]
        if newest is None:
            return
        if end - newest > length:
            length = _length_of_few(connection, start=start, end=end)
        first = max(start, (newest + 1 - length) // interval * interval)
        begin = time.monotonic()
        yield first, newest + 1
        end = first
        if time.monotonic() - begin < _FAST:
            length *= 2


def read_slices(
    slices: Iterable[tuple[sqlite3.Connection, Slice]],
    read: Callable[[sqlite3.Connection, int, int], bool],
) -> int | None:
    """Read slices, each with its connection, until ``read`` returns True.

    Returns:
        The start of the last slice that was read, if the deadline ended the search, else None.

    Raises:
        sqlite3.Error: The deadline passed during the first slice, or a read failed.
    """
    searched_from = None
    try:
        for connection, (start, end) in slices:
            if read(connection, start, end):
                break
            searched_from = start
    except sqlite3.OperationalError as error:
        if searched_from is None or not is_interrupt(error):
            raise
        return searched_from
    return None


def _length_of_few(connection: sqlite3.Connection, *, start: int, end: int) -> int:
    # The older half: a few events of the far future may make the newer half very long.
    ends = [
        connection.execute(_NTH_NEWEST, (start, end, offset)).fetchone()
        for offset in (FEW_EVENTS // 2, FEW_EVENTS)
    ]
    middle, last = (start if row is None else row[0] for row in ends)
    return 2 * (middle - last) + 1 if last > start else end - start
