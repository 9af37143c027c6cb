"""What every event store does: the protocol that pages, API and ingest are written against."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from msgspec import Struct

from sqreen_mw.protocol.event import Event

MAX_BARS: Final = 2000
"""Intervals of one histogram."""


class StoredEvent(Struct, frozen=True, kw_only=True):
    """An event as the store keeps it.

    ``seq`` is the store's own count and only grows: cursors and live tail go by it, as event
    times may lie in the past. ``received_at`` is milliseconds since the epoch, UTC.
    """

    seq: int
    app: str
    env: str
    release: str | None
    received_at: int
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedBatch:
    """Well-formed events of one app, ready to be written."""

    app: str
    env: str
    release: str | None
    received_at: int
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch: accepted + duplicates is its number of events."""

    accepted: int
    duplicates: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Which events are wanted: every filter that is set must hold.

    Attributes:
        start: First millisecond, since the epoch, UTC.
        end: The millisecond after the last one. Both bounds are always there: an index is only
            used well with both.
        app: Name of the app.
        env: Name of the environment.
        name: Event name; ``*`` stands for any text.
        ip: An address, or a network in CIDR form.
        user: The value of any identifier of the user, as text.
        text: Free text, found in the name, the path, the user agent, identifiers or properties.
    """

    start: int
    end: int
    app: str | None = None
    env: str | None = None
    name: str | None = None
    ip: str | None = None
    user: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of an event in newest-first order: its time, then its sequence number."""

    timestamp: int
    seq: int


@dataclass(frozen=True, slots=True)
class Page:
    """Events newest first, and the cursor of the page after, or None on the last one."""

    events: tuple[StoredEvent, ...]
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many events fall into each interval of a query's range.

    ``counts`` has one number an interval, oldest first, from ``start`` on; ``start`` and
    ``interval`` are milliseconds.
    """

    start: int
    interval: int
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """The number of events in the whole range."""
        return sum(self.counts)


class EventStore(Protocol):
    """Keeps events durably and finds them; safe to call from many threads.

    Every method raises ``StoreError`` where the store fails or takes longer than its deadline.
    """

    def append(self, batch: AcceptedBatch) -> Appended:
        """Write a batch in one transaction; it is durable on return.

        An event whose (app, id) is there already is a duplicate and changes nothing.
        """

    def page(self, query: EventQuery, *, after: Cursor | None = None, limit: int = 50) -> Page:
        """Return the newest events of a query, or those that come after a cursor."""

    def since(self, query: EventQuery, *, seq: int, limit: int) -> tuple[StoredEvent, ...]:
        """Return a query's events that were stored after ``seq``, in the order of storing.

        The query's time range does not apply: an event from the past that is stored now is new.
        """

    def histogram(self, query: EventQuery, *, interval: int) -> Histogram:
        """Count a query's events per interval of milliseconds, aligned to the epoch.

        More than ``MAX_BARS`` intervals are a ``StoreError``.
        """

    def get(self, app: str, event_id: str) -> StoredEvent | None:
        """Return the event of an id, or None."""

    def check_writable(self) -> None:
        """Return where a batch could be written now, else raise ``StoreError``."""

    def last_seq(self) -> int:
        """Return the sequence number of the newest stored event, 0 for an empty store."""

    def close(self) -> None:
        """Let go of files and connections; further calls fail."""
