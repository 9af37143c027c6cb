"""The table of stored batches, within one transaction, and the merging of small ones."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from zlib import crc32

from msgspec import structs

from sqreen_mw.agent.delivery.batch import BATCH_BYTES, BATCH_EVENTS, Batch, make_batch
from sqreen_mw.agent.delivery.spool.database import PAGE_BYTES
from sqreen_mw.agent.process.unpatched import monotonic
from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.batch import Envelope, decode_envelope

_ROW_PAGES: Final = 3
"""Pages that a row needs besides those of its bytes, at most."""


class Row(NamedTuple):
    """A stored batch without its bytes.

    Attributes:
        seq: Its place in the order of all batches.
        id: The batch's id.
        owner: The owner that sends it.
        events: The number of its events.
        stored_at: Seconds since the epoch.
        evicted: The reason if it was evicted, else None.
    """

    seq: int
    id: str
    owner: int
    events: int
    stored_at: float
    evicted: str | None = None


class BatchTable:
    """Reads and writes rows; every method may raise ``sqlite3.Error``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection: Final = connection

    @property
    def used_bytes(self) -> int:
        """The bytes of the database without its free pages."""
        [pages] = self._connection.execute("PRAGMA page_count").fetchone()
        [free] = self._connection.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * PAGE_BYTES

    def insert(self, batch: Batch, *, owner: int, stored_at: float) -> Row:
        """Store a batch."""
        sql = (
            "INSERT INTO batch (id, owner, events, stored_at, checksum, body)"
            " VALUES (?, ?, ?, ?, ?, ?)"
        )
        values = (batch.id, owner, len(batch), stored_at, crc32(batch.body), batch.body)
        seq = self._connection.execute(sql, values).lastrowid or 0
        return Row(seq, batch.id, owner, len(batch), stored_at)

    def delete(self, rows: Iterable[Row]) -> None:
        """Delete rows, unless they are gone."""
        sql = "DELETE FROM batch WHERE seq = ? AND id = ?"
        self._connection.executemany(sql, [(row.seq, row.id) for row in rows])

    def evict(self, row: Row, reason: str) -> None:
        """Delete the bytes of a batch, and leave its row for its owner to count."""
        sql = "UPDATE batch SET evicted = ?, body = x'' WHERE seq = ?"
        self._connection.execute(sql, (reason, row.seq))

    def evicted(self, owner: int) -> list[Row]:
        """Return the rows of an owner that were evicted."""
        sql = (
            "SELECT seq, id, owner, events, stored_at, evicted FROM batch"
            " WHERE owner = ? AND evicted IS NOT NULL"
        )
        return [Row(*found) for found in self._connection.execute(sql, (owner,))]

    def oldest(self) -> Row | None:
        """Return the oldest row of all owners that was not evicted."""
        sql = (
            "SELECT seq, id, owner, events, stored_at FROM batch"
            " WHERE evicted IS NULL ORDER BY seq LIMIT 1"
        )
        found = self._connection.execute(sql).fetchone()
        return found and Row(*found)

    def shrink_at_commit(self, *, is_wanted: bool) -> None:
        """Set whether the commit gives free pages back to the disk."""
        mode = "FULL" if is_wanted else "INCREMENTAL"
        self._connection.execute(f"PRAGMA auto_vacuum = {mode}")

    def owners(self) -> Iterator[int]:
        """Yield the owners of rows."""
        sql = "SELECT owner FROM batch WHERE owner > ? ORDER BY owner LIMIT 1"
        owner = -1
        while found := self._connection.execute(sql, (owner,)).fetchone():
            [owner] = found
            yield owner

    def claim(self, owner: int, *, new_owner: int) -> int:
        """Give the rows of an owner to another one; return the number of their events."""
        sql = "SELECT total(events) FROM batch WHERE owner = ?"
        [events] = self._connection.execute(sql, (owner,)).fetchone()
        sql = "UPDATE batch SET owner = ? WHERE owner = ?"
        self._connection.execute(sql, (new_owner, owner))
        return int(events)

    def rows(self, owner: int) -> Iterator[Row]:
        """Yield the rows of an owner that were not evicted, oldest first."""
        sql = (
            "SELECT seq, id, owner, events, stored_at FROM batch"
            " WHERE owner = ? AND evicted IS NULL ORDER BY seq"
        )
        for found in self._connection.execute(sql, (owner,)):
            yield Row(*found)

    def batch(self, row: Row) -> Batch | None:
        """Return the batch of a row; None if it is damaged."""
        sql = "SELECT checksum, body FROM batch WHERE seq = ?"
        [checksum, body] = self._connection.execute(sql, (row.seq,)).fetchone()
        return _decode(row, checksum=checksum, body=body)


def needed_bytes(batch: Batch) -> int:
    """Return the bytes that a batch adds to the database, at most."""
    return (len(batch.body) // PAGE_BYTES + _ROW_PAGES) * PAGE_BYTES


def _decode(row: Row, *, checksum: int, body: bytes) -> Batch | None:
    """Return a batch with the id and the bytes that it had; None if it is damaged."""
    try:
        is_whole = crc32(body) == checksum
        envelope = decode_envelope(body)
    except (MalformedBatchError, TypeError):
        return None
    if not is_whole or len(envelope.events) != row.events:
        return None
    tracked_at = [monotonic()] * row.events
    return Batch(id=row.id, envelope=envelope, tracked_at=tracked_at, body=body)


class BatchGroup:
    """Stored batches of one instance that fit into one batch.

    Merged, they need fewer requests, which helps a slow collector.

    Attributes:
        rows: Their rows.
    """

    def __init__(self) -> None:
        self.rows: Final[list[Row]] = []
        self._batches: Final[list[Batch]] = []
        self._events = 0
        self._bytes = 0

    def add(self, row: Row, batch: Batch) -> bool:
        """Add a batch if it fits, as the first one always does; return whether it does."""
        events, size = self._events + len(batch), self._bytes + len(batch.body)
        if self.rows and (
            events > BATCH_EVENTS
            or size > BATCH_BYTES
            or _header(batch) != _header(self._batches[0])
        ):
            return False
        self.rows.append(row)
        self._batches.append(batch)
        self._events, self._bytes = events, size
        return True

    def merged(self) -> Batch:
        """Return one batch of all events; a single batch keeps its id."""
        if len(self._batches) == 1:
            return self._batches[0]
        events = [event for each in self._batches for event in each.envelope.events]
        tracked_at = [moment for each in self._batches for moment in each.tracked_at]
        return make_batch(_header(self._batches[0]), events=events, tracked_at=tracked_at)


def _header(batch: Batch) -> Envelope:
    return structs.replace(batch.envelope, events=[])
