"""Write batches one after another, each event to the period of its time."""

import sqlite3
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Final

from sqreen_mw.collector.database_file import (
    WAL,
    WatchedFiles,
    file_identity,
    opened_files,
)
from sqreen_mw.collector.events.base import AcceptedBatch, Appended, StoredEvent
from sqreen_mw.collector.events.handover import Handover
from sqreen_mw.collector.events.outcome import outcome_of
from sqreen_mw.collector.events.sqlite.catalogue import Catalogue
from sqreen_mw.collector.events.sqlite.period_writer import PeriodWriter
from sqreen_mw.collector.events.sqlite.periods import Period
from sqreen_mw.collector.events.sqlite.readers import Readers
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.event_id import event_id_bytes

MAX_OPEN: Final = 40
"""Maximum number of periods that are open for writing. An import of a month reopens none."""

LOOK_SECONDS: Final = 1.0
"""Seconds between two looks whether the files are still in place."""

_TIME_BYTES: Final = 6
_Events = dict[bytes, Event]


class Writer:
    """Writes batches, from any thread.

    Args:
        catalogue: The catalogue.
        handover: Gets the events of each batch, if there is a consumer.
        clock: Returns monotonic seconds.

    Attributes:
        seq: The latest sequence number. All events up to it are committed.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        handover: Handover | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalogue = catalogue
        self._handover = handover
        self._clock = clock
        self._lock = threading.Lock()
        self._open: OrderedDict[Period, PeriodWriter] = OrderedDict()
        self._files = opened_files(catalogue.path)
        self._next_look = 0.0
        self._closed = False
        self.last_of: dict[Period, int] = {
            period: self._writer_of(period).last_seq for period in catalogue.periods
        }
        self.seq = max((catalogue.last_seq, *self.last_of.values()))

    def append(self, batch: AcceptedBatch) -> Appended:
        """Write the new events of a batch. Those of one period are one transaction.

        Raises:
            StoreError: The batch cannot be written. Events of earlier periods may be stored.
        """
        events: _Events = {}
        for event in batch.events:
            events.setdefault(event_id_bytes(event.id), event)
        with self._writing():
            self._check_files()
            known = self._known(batch.app, events)
            new = {key: e for key, e in events.items() if key not in known} if known else events
            for period, group in self._grouped(new, now=batch.received_at):
                stored = _numbered(batch, group, first=self.seq + 1)
                size = self._writer_of(period).insert(stored)
                # Readers see the numbers of a period when all smaller ones are committed.
                self.last_of[period] = self.seq = self.seq + len(group)
                if self._handover is not None:
                    self._handover.put(tuple(stored.values()), size=size)
            self._record_elsewhere(batch.app, events)
            return Appended(len(new), len(batch.events) - len(new), self.seq)

    def copy(self, events: Sequence[StoredEvent], *, now: int) -> None:
        """Write events with the sequence numbers that they have. Known events are left out.

        Args:
            events: The events, in the order of their numbers.
            now: The present, in milliseconds since the epoch.

        Raises:
            StoreError: They cannot be written. Some may be stored.
        """
        stored = {event_id_bytes(one.event.id): one for one in events}
        with self._writing():
            for period, group in self._grouped(
                {key: one.event for key, one in stored.items()}, now=now
            ):
                self._writer_of(period).copy({key: stored[key] for key in group})
                self.last_of[period] = max(stored[key].seq for key in group)
            for key, one in stored.items():
                self._record_elsewhere(one.app, {key: one.event})
            self.seq = events[-1].seq
            self._catalogue.keep_seq(self.seq)

    def skip_to(self, seq: int) -> None:
        """Give no sequence number up to this one any more."""
        with self._writing():
            self.seq = max(self.seq, seq)
            self._catalogue.keep_seq(self.seq)

    def sync(self) -> None:
        """Write all periods to the disk, so that a loss of power loses none of their events.

        Raises:
            StoreError: The store cannot be written.
        """
        with self._writing():
            for period in self._catalogue.periods:
                self._writer_of(period).checkpoint()

    def check_writable(self) -> None:
        """Test a write without a change.

        Raises:
            StoreError: The store cannot be written.
        """
        with self._writing():
            self._catalogue.keep_seq(self.seq)
            for period in self._catalogue.periods[-1:]:
                self._writer_of(period).check_writable()

    def files(self) -> WatchedFiles:
        """Return the databases, and the write-ahead logs of those that are open."""
        with self._lock:
            return dict(self._files)

    def time_elsewhere(self, app: str, event_id: bytes) -> int | None:
        """Return the time of an event whose period is not that of its id."""
        with self._lock:
            found = {} if self._closed else self._catalogue.elsewhere(app, [event_id])
        return found.get(event_id)

    def remove_before(self, timestamp: int, *, readers: Readers) -> int:
        """Delete the periods that end before a time, and return their number."""
        with self._writing():
            files = self._catalogue.remove_before(timestamp, last_seq=self.seq)
            for period in [one for one in self._open if one not in self._catalogue.periods]:
                self._close(self._open.pop(period))
            for file in files:
                del self._files[file]
                # The log comes first: without its database, it would belong to the next one.
                for end in (WAL, "-shm", ""):
                    file.with_name(file.name + end).unlink(missing_ok=True)
        readers.forget(files)
        return len(files)

    def close(self) -> None:
        """Close the connections after the current write."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for writer in self._open.values():
                writer.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise StoreError("the event store cannot be written: it is closed")
            try:
                yield
            except (sqlite3.Error, OSError) as error:
                raise StoreError(f"the event store cannot be written: {error}") from error

    def _known(self, app: str, events: _Events) -> set[bytes]:
        """Return the ids that are stored, in the period of the event or of the id."""
        candidates: defaultdict[Period, list[bytes]] = defaultdict(list)
        for key, event in events.items():
            period = self._catalogue.find(event.timestamp)
            if period is not None:
                candidates[period].append(key)
            if period is None or time_of_id(key) not in period:
                of_id = self._catalogue.find(time_of_id(key))
                if of_id is not None:
                    candidates[of_id].append(key)
        known = set(self._catalogue.elsewhere(app, events))
        for period, keys in candidates.items():
            known |= self._writer_of(period).known(app, keys)
        return known

    def _grouped(self, events: _Events, *, now: int) -> list[tuple[Period, _Events]]:
        """Return the events of each period, oldest first."""
        groups: defaultdict[Period, _Events] = defaultdict(dict)
        for key, event in events.items():
            groups[self._catalogue.period_for(event.timestamp, now=now)][key] = event
        return sorted(groups.items(), key=itemgetter(0))

    def _record_elsewhere(self, app: str, events: _Events) -> None:
        # Duplicates too: the collector may have ended before it recorded them.
        times = {
            key: event.timestamp
            for key, event in events.items()
            if (period := self._catalogue.find(event.timestamp)) and time_of_id(key) not in period
        }
        self._catalogue.add_elsewhere(app, times)

    def _writer_of(self, period: Period) -> PeriodWriter:
        writer = self._open.get(period)
        if writer is None:
            writer = self._open[period] = PeriodWriter(self._catalogue.file_of(period))
            self._files |= opened_files(writer.path)
            while len(self._open) > MAX_OPEN:
                self._close(self._open.popitem(last=False)[1])
        self._open.move_to_end(period)
        return writer

    def _close(self, writer: PeriodWriter) -> None:
        # SQLite deletes the log, unless a read needs it.
        del self._files[writer.wal]
        writer.close()

    def _check_files(self) -> None:
        now = self._clock()
        if now < self._next_look:
            return
        for file in (self._catalogue.path, *(writer.path for writer in self._open.values())):
            if file_identity(file) != self._files[file]:
                raise StoreError(
                    f"{file} was deleted or replaced: put it back and restart the collector"
                )
        # Only now: while a file is missing, each batch is refused.
        self._next_look = now + LOOK_SECONDS


def _numbered(batch: AcceptedBatch, events: _Events, *, first: int) -> dict[bytes, StoredEvent]:
    return {
        key: StoredEvent(
            seq=seq,
            app=batch.app,
            env=batch.env,
            release=batch.release,
            received_at=batch.received_at,
            sent_at=batch.sent_at,
            imported=batch.imported,
            outcome=outcome_of(event),
            event=event,
        )
        for seq, (key, event) in enumerate(events.items(), first)
    }


def time_of_id(event_id: bytes) -> int:
    """Return the milliseconds that a UUID of version 7 contains (RFC 9562, section 5.7)."""
    return int.from_bytes(event_id[:_TIME_BYTES], "big")
