"""The event store in SQLite files: one writer, and readers that never wait for it."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from heapq import merge
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Final

from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.database_file import make_private_file
from sqreen_mw.collector.events.base import (
    MAX_BARS,
    SLICE,
    Count,
    Cursor,
    EventQuery,
    Histogram,
    Page,
    StoredEvent,
    StoredSlice,
    Suggested,
    WindowQuery,
)
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.events.handover import Handover
from sqreen_mw.collector.events.sqlite import reads
from sqreen_mw.collector.events.sqlite.catalogue import Catalogue
from sqreen_mw.collector.events.sqlite.compile import spans_index
from sqreen_mw.collector.events.sqlite.counts import count_by_bar, needs_only_indexes
from sqreen_mw.collector.events.sqlite.periods import Period
from sqreen_mw.collector.events.sqlite.readers import Readers, Reading
from sqreen_mw.collector.events.sqlite.slices import Slice, read_slices, time_slices
from sqreen_mw.collector.events.sqlite.store_lock import LOCK_SECONDS, StoreLock
from sqreen_mw.collector.events.sqlite.suggestions import suggested_in
from sqreen_mw.collector.events.sqlite.upgrade import copy_old_events, set_old_file_aside
from sqreen_mw.collector.events.sqlite.windows import users_in, window_in
from sqreen_mw.collector.events.sqlite.writer import Writer, time_of_id
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.event_id import event_id_bytes
from sqreen_mw.protocol.identifier import possible_values

DEADLINE: Final = 5.0
"""Seconds until a read fails."""

INDEX_SPEED: Final = 25
"""A read of indexes alone takes at most a 25th of the time of one that reads the events."""

SUGGESTED_PERIODS: Final = 60
"""Values of older periods are not suggested, so that a suggestion opens few files."""

_EVERYTHING: Final = EventQuery(start=0, end=0)


class SqliteEventStore:
    """An ``EventStore`` in SQLite files, one for each period.

    Args:
        path: The catalogue. A missing file is created.
        seconds: Length of a read that has no deadline of its own.
        lock_seconds: Seconds to wait until another process closes the store.
        handover: Gets the events of each batch, if there is a consumer.

    Raises:
        ConfigurationError: The file cannot be created or written.
        StoreError: The file is not an event store, comes from a newer release, or another process
            uses it.
    """

    def __init__(
        self,
        path: Path,
        *,
        seconds: float = DEADLINE,
        lock_seconds: float = LOCK_SECONDS,
        handover: Handover | None = None,
    ) -> None:
        make_private_file(path, setting="--events-url")
        with ExitStack() as opened:
            self._lock = opened.enter_context(closing(StoreLock(path, seconds=lock_seconds)))
            old = set_old_file_aside(path, seconds=lock_seconds)
            self._catalogue = opened.enter_context(closing(Catalogue(path)))
            self._writer = opened.enter_context(closing(Writer(self._catalogue, handover=handover)))
            if old is not None:
                copy_old_events(
                    old, self._writer, after=self._catalogue.last_seq, now=system_clock()
                )
            opened.pop_all()
        self._readers = Readers(seconds=seconds)
        self.append = self._writer.append
        self.check_writable = self._writer.check_writable
        self.files = self._writer.files

    def page(self, query: EventQuery, *, limit: int = 50, deadline: Deadline | None = None) -> Page:
        """Return the newest events of a query, or those after its cursor."""
        end = query.end if query.after is None else min(query.end, query.after.timestamp + 1)
        events: list[StoredEvent] = []

        def read(connection: sqlite3.Connection, first: int, stop: int) -> bool:
            part = replace(query, start=first, end=stop)
            events.extend(reads.newest(connection, part, limit + 1 - len(events)))
            return len(events) > limit

        with self._readers.read(deadline) as reading:
            searched_from = read_slices(self._slices(reading, replace(query, end=end)), read)
        if searched_from is not None:
            return Page(tuple(events), Cursor(searched_from, 0), searched_from)
        if len(events) <= limit:
            return Page(tuple(events), None)
        last = events[limit - 1]
        return Page(tuple(events[:limit]), Cursor(last.event.timestamp, last.seq))

    def since(
        self, query: EventQuery, *, seq: int, limit: int, deadline: Deadline | None = None
    ) -> StoredSlice:
        """Return matching events stored after ``seq``, in the order of storing."""
        last = min(seq + SLICE, self._writer.seq)
        with self._readers.read(deadline) as reading:
            events = self._stored_between(reading, query, seqs=(seq, last), limit=limit)
        return StoredSlice(events, events[-1].seq if len(events) == limit else max(seq, last))

    def consume(
        self, *, after: int, limit: int, deadline: Deadline | None = None
    ) -> tuple[StoredEvent, ...]:
        """Return the events of all apps stored after a sequence number, in the order of storing."""
        with self._readers.read(deadline) as reading:
            return self._stored_between(
                reading, _EVERYTHING, seqs=(after, self._writer.seq), limit=limit
            )

    def window(
        self, query: WindowQuery, *, deadline: Deadline | None = None
    ) -> tuple[StoredEvent, ...]:
        """Return the events of a window, newest first."""
        found: list[StoredEvent] = []
        with self._readers.read(deadline) as reading:
            for _, connection in self._newest_first(reading, query.after + 1, query.until + 1):
                found += window_in(connection, query, limit=query.limit - len(found))
                if len(found) >= query.limit:
                    break
        return tuple(found)

    def users_of(
        self, query: WindowQuery, *, limit: int, deadline: Deadline | None = None
    ) -> frozenset[str]:
        """Return at most ``limit`` users of a window as ``key=value``, if they are established."""
        found: set[str] = set()
        with self._readers.read(deadline) as reading:
            for _, connection in self._newest_first(reading, query.after + 1, query.until + 1):
                found |= users_in(connection, query, limit=limit - len(found))
                if len(found) >= limit:
                    break
        return frozenset(found)

    def histogram(
        self, query: EventQuery, *, interval: int, deadline: Deadline | None = None
    ) -> Histogram:
        """Count matching events per interval of milliseconds, aligned to the epoch.

        Raises:
            StoreError: The range has more than ``MAX_BARS`` intervals.
        """
        start = query.start // interval * interval
        bars = max(0, -(-(query.end - start) // interval)) if query.end > query.start else 0
        if bars > MAX_BARS:
            raise StoreError(
                f"the range has {bars} intervals of {interval} ms, the maximum is {MAX_BARS}: "
                "use longer intervals or a narrower range"
            )
        counts = [0] * bars

        def read(connection: sqlite3.Connection, first: int, stop: int) -> bool:
            part = replace(query, start=first, end=stop)
            offset = (first - start) // interval
            # fetchall, because an interrupted statement must count nothing.
            rows = connection.execute(*count_by_bar(part, interval=interval)).fetchall()
            for bar, count in rows:
                counts[offset + bar] += count
            return False

        with self._readers.read(deadline) as reading:
            counted_from = read_slices(self._slices(reading, query, interval=interval), read)
        return Histogram(start, interval, tuple(counts), counted_from)

    def count(self, query: EventQuery, *, most: int, deadline: Deadline | None = None) -> Count:
        """Count matching events among the ``most`` oldest events of the range."""
        only_indexes = needs_only_indexes(query)
        left = most * INDEX_SPEED if only_indexes else most
        number, newest = 0, None
        with self._readers.read(deadline) as reading:
            periods = self._catalogue.overlapping(query.start, query.end)
            for period, connection in self._opened(reading, periods):
                part = _within(query, period)
                in_range = reads.number_in_range(connection, part, left + 1)
                is_more = in_range > left
                found, latest = reads.count_matching(
                    connection, part, most=min(left, most) if is_more else None
                )
                number, newest = number + found, newest if latest is None else latest
                left -= in_range
                if is_more:
                    return Count(number, newest, is_more=True)
        return Count(number, newest, is_more=False)

    def is_small(self, query: EventQuery, *, deadline: Deadline | None = None) -> bool:
        """Return True if the query's range has few events for its filter."""
        left = SLICE * INDEX_SPEED if needs_only_indexes(query) else SLICE
        with self._readers.read(deadline) as reading:
            for period, connection in self._newest_first(reading, query.start, query.end):
                left -= reads.number_in_range(connection, _within(query, period), left + 1)
                if left < 0:
                    return False
        return True

    def get(
        self, app: str, event_id: str, *, deadline: Deadline | None = None
    ) -> StoredEvent | None:
        """Return the event with an id, or None."""
        try:
            packed = event_id_bytes(event_id)
        except ValueError:
            return None
        with self._readers.read(deadline) as reading:
            found = self._by_id(reading, app, packed, at=time_of_id(packed))
            if found is None and self._catalogue.has_elsewhere:
                at = self._writer.time_elsewhere(app, packed)
                found = None if at is None else self._by_id(reading, app, packed, at=at)
        return found

    def suggest(
        self,
        field: Suggested,
        beginning: str,
        *,
        limit: int,
        app: str | None = None,
        deadline: Deadline | None = None,
    ) -> tuple[str, ...]:
        """Return values of a field that begin with a text, as it is or in lower case."""
        found: dict[str, None] = {}
        with self._readers.read(deadline) as reading:
            for text in dict.fromkeys((beginning, beginning.lower(), *possible_values(beginning))):
                values: set[str] = set()
                periods = self._catalogue.periods[-SUGGESTED_PERIODS:]
                for _, connection in self._opened(reading, periods):
                    values.update(suggested_in(connection, field, text, limit=limit, app=app))
                found |= dict.fromkeys(sorted(values, key=str.encode))
        return tuple(found)[:limit]

    def last_seq(self, *, deadline: Deadline | None = None) -> int:
        """Return the latest sequence number, 0 for an empty store."""
        with self._readers.read(deadline):
            return self._writer.seq

    def remove_before(self, timestamp: int) -> int:
        """Delete the periods that end before a time, and return their number."""
        return self._writer.remove_before(timestamp, readers=self._readers)

    def close(self) -> None:
        """Close all connections. Further calls fail."""
        self._readers.close()
        self._writer.close()
        self._catalogue.close()
        self._lock.close()

    def _by_id(self, reading: Reading, app: str, event_id: bytes, *, at: int) -> StoredEvent | None:
        for _, connection in self._newest_first(reading, at, at + 1):
            return reads.by_id(connection, app, event_id)
        return None

    def _newest_first(
        self, reading: Reading, start: int, end: int
    ) -> Iterator[tuple[Period, sqlite3.Connection]]:
        return self._opened(reading, reversed(self._catalogue.overlapping(start, end)))

    def _opened(
        self, reading: Reading, periods: Iterable[Period]
    ) -> Iterator[tuple[Period, sqlite3.Connection]]:
        """Yield periods with a connection, except for those that are deleted meanwhile."""
        for period in periods:
            try:
                connection = reading.open(self._catalogue.file_of(period))
            except StoreError:
                if period in self._catalogue.periods:
                    raise
            else:
                yield period, connection

    def _slices(
        self, reading: Reading, query: EventQuery, *, interval: int = 1
    ) -> Iterator[tuple[sqlite3.Connection, Slice]]:
        for period, connection in self._newest_first(reading, query.start, query.end):
            part = _within(query, period)
            if spans_index(query):
                # The index has the time second: each slice would read the whole network.
                yield connection, (part.start, part.end)
            else:
                slices = time_slices(connection, start=part.start, end=part.end, interval=interval)
                yield from ((connection, one) for one in slices)

    def _stored_between(
        self, reading: Reading, query: EventQuery, *, seqs: tuple[int, int], limit: int
    ) -> tuple[StoredEvent, ...]:
        after, last = seqs
        last_of = self._writer.last_of
        periods = (one for one in self._catalogue.periods if last_of.get(one, 0) > after)
        found = [
            reads.stored_between(connection, query, after=after, last=last, limit=limit)
            for _, connection in self._opened(reading, periods)
        ]
        return tuple(islice(merge(*found, key=attrgetter("seq")), limit))


def _within(query: EventQuery, period: Period) -> EventQuery:
    """Return the part of a query that lies in a period."""
    return replace(query, start=max(query.start, period.start), end=min(query.end, period.end))
