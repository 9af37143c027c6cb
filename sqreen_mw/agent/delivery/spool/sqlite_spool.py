"""The spool of one process, in a database that all processes of an app share."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.interfaces import Spool
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.spool.accounting import DAMAGED, StoredEvents
from sqreen_mw.agent.delivery.spool.batch_table import BatchGroup, BatchTable, Row, needed_bytes
from sqreen_mw.agent.delivery.spool.database import DamagedDatabaseError, Database
from sqreen_mw.agent.delivery.spool.directory import SpoolDirectory
from sqreen_mw.agent.delivery.spool.eviction import SpoolLimits
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.process.unpatched import Clock, monotonic, system_time

SCAN_SECONDS: Final = 60.0
"""How often to look for batches of processes that have ended, and for expired ones."""

FAULT_SECONDS: Final = 5.0
"""How long to wait until a database that can't be used is read again."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time, which tests replace.

    Attributes:
        wall: Seconds since the epoch.
        monotonic: Seconds of the monotonic clock.
    """

    wall: Clock = system_time
    monotonic: Clock = monotonic


@dataclass(slots=True)
class _Changes:
    """Changes to count once a transaction is committed."""

    claimed_events: int = 0
    lost: list[Row] = field(default_factory=list)


class _AbandonedError(Exception):
    """The events were counted as lost at the exit, so they are not stored."""


class SqliteSpool:
    """Stores batches; if the disk fails, one line is logged and the events wait in memory.

    Used on the flusher's thread.
    """

    persist_after: ClassVar[float] = 0.5
    exit_reserve: ClassVar[float] = 0.3

    def __init__(
        self,
        queue: EventQueue,
        *,
        database: Database,
        limits: SpoolLimits,
        guard: Guard,
        clocks: Clocks,
    ) -> None:
        self._queue: Final = queue
        self._database: Final = database
        self._limits: Final = limits
        self._guard: Final = guard
        self._clocks: Final = clocks
        self._owner: Final = database.owner
        self._stored: Final = StoredEvents(queue, guard)
        self._is_failing = False
        self._scan_at = 0.0
        self._retry_at = 0.0

    @property
    def next_batch_at(self) -> float:
        """Monotonic seconds from which ``next_batch`` may have a batch."""
        return max(self._retry_at, 0.0 if self._stored.waiting else self._scan_at)

    def contains(self, batch: Batch) -> bool:
        """Return whether a batch that is being sent is in the spool."""
        return self._stored.is_sending(batch)

    def persist(self, batch: Batch) -> bool:
        """Store a batch that is being sent; return whether it is in the spool."""
        if not self.contains(batch):
            self._persist([batch])
        return self.contains(batch)

    def requeue(self, batch: Batch) -> bool:
        """Keep a batch that could not be sent in the spool; return whether it is there.

        If it was evicted meanwhile it is lost: newer batches have its place.
        """
        is_stored = self.persist(batch)
        if is_stored:
            self._stored.requeue(batch.id)
        return is_stored

    def next_batch(self) -> Batch | None:
        """Return the oldest events of this process, or of one that has ended, to be sent.

        They stay in the spool until the batch is acknowledged. Small batches are merged.
        """
        now = self._clocks.monotonic()
        self._scan_at = now + SCAN_SECONDS
        if not self._stored.waiting and not self._database.exists:
            return None
        group = self._transact(self._take)
        self._retry_at = now + FAULT_SECONDS if group is None else 0.0
        if group is None:
            return None
        if not group.rows:
            self._stored.lose_waiting()
            return None
        batch = group.merged()
        self._stored.send(batch, group.rows)
        return batch

    def ack(self, batch: Batch) -> None:
        """Delete a batch whose events are delivered, dropped, or in other batches."""
        self.replace(batch, [])

    def replace(self, batch: Batch, others: Sequence[Batch]) -> None:
        """Delete a batch, and store others that have its events and are being sent."""
        if self.contains(batch):
            self._persist(others, replaced=batch)

    def close(self) -> None:
        """Leave the batches to other processes."""
        self._stored.requeue_all()
        if self._stored.acked:
            self._transact(partial(self._insert, []))
        self._try(self._database.close)

    def _persist(self, batches: Sequence[Batch], *, replaced: Batch | None = None) -> None:
        """Store batches that are being sent, in place of one that is stored."""
        if self._queue.abandoned:
            return
        deleted = [] if replaced is None else self._stored.rows_of(replaced)
        with ExitStack() as stack, suppress(_AbandonedError):

            def write(table: BatchTable, changes: _Changes) -> list[Row]:
                rows = self._insert(batches, table, changes, deleted=deleted)
                # Held until the rows are counted: an exit in between would count them as lost.
                stack.enter_context(self._queue.spool_lock)
                if self._queue.abandoned:
                    raise _AbandonedError
                return rows

            rows = self._transact(write)
            if replaced is not None:
                self._stored.ack(replaced)
            if rows is not None:
                self._stored.acked.clear()
                for batch, row in zip(batches, rows, strict=True):
                    self._stored.persisted(batch, row)

    def _insert(
        self,
        batches: Sequence[Batch],
        table: BatchTable,
        changes: _Changes,
        *,
        deleted: Sequence[Row] = (),
    ) -> list[Row]:
        table.delete([*self._stored.acked, *deleted])
        self._evict(table, changes, needed=sum(map(needed_bytes, batches)))
        now = self._clocks.wall()
        return [table.insert(each, owner=self._owner.id, stored_at=now) for each in batches]

    def _take(self, table: BatchTable, changes: _Changes) -> BatchGroup:
        """Return the batches to send next as one, if there are any."""
        group = self._read(table, changes)
        while not group.rows and self._claim(table, changes):
            group = self._read(table, changes)
        return group

    def _read(self, table: BatchTable, changes: _Changes) -> BatchGroup:
        self._evict(table, changes)
        group, damaged = BatchGroup(), list[Row]()
        unavailable = self._stored.row_ids
        for row in table.rows(self._owner.id):
            if row.id in unavailable:
                continue
            batch = table.batch(row)
            if batch is None:
                damaged.append(row)
            elif not group.add(row, batch):
                break
        table.delete(damaged)
        changes.lost += damaged
        return group

    def _claim(self, table: BatchTable, changes: _Changes) -> bool:
        """Claim the batches of one process that has ended; return whether there are any."""
        for owner in table.owners():
            if not self._owner.is_alive(owner):
                changes.claimed_events += table.claim(owner, new_owner=self._owner.id)
                self._scan_at = 0.0  # there may be more of them
                return True
        return False

    def _evict(self, table: BatchTable, changes: _Changes, needed: int = 0) -> None:
        now = self._clocks.wall()
        lost = self._limits.evict(table, self._owner, needed=needed, now=now)
        changes.claimed_events += sum(row.events for row in lost if row.owner != self._owner.id)
        changes.lost += lost

    def _transact(self, work: Callable[[BatchTable, _Changes], _T]) -> _T | None:
        """Do work in a transaction; return None if the disk fails."""
        return self._try(partial(self._run, work))

    def _run(self, work: Callable[[BatchTable, _Changes], _T]) -> _T:
        try:
            return self._run_once(work)
        except DamagedDatabaseError as error:
            message = "the spool's database is damaged (%s), so it was renamed to %s.damaged"
            self._guard.warn(DAMAGED, message, error, self._database.path)
            return self._run_once(work)

    def _run_once(self, work: Callable[[BatchTable, _Changes], _T]) -> _T:
        changes = _Changes()
        with self._database.transaction() as connection:
            table = BatchTable(connection)
            self._owner.keep_alive()
            result = work(table, changes)
        self._stored.claim(changes.claimed_events)
        self._stored.lose(changes.lost)
        return result

    def _try(self, action: Callable[[], _T]) -> _T | None:
        """Do something; if the disk fails, log the first error of a series and return None."""
        try:
            result = action()
        except (OSError, sqlite3.Error) as error:
            if not self._is_failing:
                reason = error.strerror if isinstance(error, OSError) else None
                message = "the spool can't be used (%s), so events wait in memory only"
                self._guard.warn("spool", message, reason or error)
            self._is_failing = True
            return None
        self._is_failing = False
        return result


def spool_opener(
    path: Path,
    *,
    app: str,
    size: int,
    age: float,
    guard: Guard,
    clocks: Clocks | None = None,
) -> Callable[[EventQueue], Spool]:
    """Return a function that opens the spool in a directory for one queue.

    A directory that can't be used now is tried again when it is needed.

    Args:
        path: The directory, which is created if it is missing.
        app: Whose events these are: those of other apps in the directory are left alone.
        size: The most bytes that the spool uses on disk.
        age: The most seconds that it keeps events.
        guard: Logs and counts faults.
        clocks: The time.

    Raises:
        ConfigurationError: Other users could add events to the directory, or read them.
    """
    directory = SpoolDirectory(path)
    limits = SpoolLimits(size=size, age=age)
    directory.check_at_start(guard)

    def open_spool(queue: EventQueue) -> Spool:
        database = Database(directory, app=app)
        return SqliteSpool(
            queue, database=database, limits=limits, guard=guard, clocks=clocks or Clocks()
        )

    return open_spool
