"""The event store's interface and its values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from msgspec import Struct

from sqreen_mw.collector.events.filters import EVERYTHING, Filter, check_size
from sqreen_mw.protocol.event import Event

MAX_BARS: Final = 2000
"""Maximum number of intervals of a histogram."""


class StoredEvent(Struct, frozen=True, kw_only=True):
    """A stored event.

    ``seq`` is the store's sequence number and only grows. Live tail uses it, because event times
    may be in the past. ``received_at`` is milliseconds since the epoch, UTC.
    """

    seq: int
    app: str
    env: str
    release: str | None
    received_at: int
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedBatch:
    """Valid events of one app, ready to be stored."""

    app: str
    env: str
    release: str | None
    received_at: int
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Appended:
    """The result of a batch: accepted + duplicates is its number of events."""

    accepted: int
    duplicates: int
    seq: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in newest-first order: timestamp, then sequence number."""

    timestamp: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """A filter over a time range. Events come newest first.

    Attributes:
        start: First millisecond, since the epoch, UTC.
        end: End of the range in milliseconds (exclusive). Both bounds are required, because
            indexes need both.
        filter: The filter, by default every event.
        after: Position before the first event of the page, by default the newest event.

    Raises:
        ValueError: The filter is too large.
    """

    start: int
    end: int
    filter: Filter = EVERYTHING
    after: Cursor | None = None

    def __post_init__(self) -> None:
        check_size(self.filter)


@dataclass(frozen=True, slots=True)
class Page:
    """Events, newest first, and the cursor of the next page. The last page has None."""

    events: tuple[StoredEvent, ...]
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class Histogram:
    """The number of events in each interval of a query's range.

    ``counts`` begins at ``start``, oldest first. ``start`` and ``interval`` are milliseconds.
    """

    start: int
    interval: int
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """The number of events in the whole range."""
        return sum(self.counts)


class EventStore(Protocol):
    """Stores events durably and finds them. Thread-safe.

    Every method raises ``StoreError`` if the store fails or exceeds its deadline.
    """

    def append(self, batch: AcceptedBatch) -> Appended:
        """Write a batch in one durable transaction.

        An event whose (app, id) is already stored is a duplicate and changes nothing.
        """

    def page(self, query: EventQuery, *, limit: int = 50) -> Page:
        """Return the newest events of a query, or those after its cursor."""

    def since(self, query: EventQuery, *, seq: int, limit: int) -> tuple[StoredEvent, ...]:
        """Return matching events stored after ``seq``, in the order of storing.

        The query's range and cursor are ignored: a late event that is stored now is new.
        """

    def histogram(self, query: EventQuery, *, interval: int) -> Histogram:
        """Count matching events per interval of milliseconds, aligned to the epoch.

        The query's cursor is ignored. More than ``MAX_BARS`` intervals raise ``StoreError``.
        """

    def get(self, app: str, event_id: str) -> StoredEvent | None:
        """Return the event with an id, or None."""

    def check_writable(self) -> None:
        """Raise ``StoreError`` if a batch could not be written now."""

    def last_seq(self) -> int:
        """Return the latest sequence number, 0 for an empty store."""

    def close(self) -> None:
        """Close all connections. Further calls fail."""
