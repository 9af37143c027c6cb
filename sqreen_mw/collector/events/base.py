"""The event store's interface and its values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from msgspec import Struct

from sqreen_mw.collector.database_file import WatchedFiles
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.events.filters import EVERYTHING, Filter, check_size
from sqreen_mw.collector.events.outcome import Outcome
from sqreen_mw.protocol.event import Event

MAX_BARS: Final = 2000
"""Maximum number of intervals of a histogram."""

SLICE: Final = 20_000
"""Events that are searched in a few milliseconds by name, and in 0.2 s by any filter."""

Suggested: TypeAlias = Literal["event", "user"]
"""The fields whose values a store can suggest."""


class StoredEvent(Struct, frozen=True, kw_only=True):
    """A stored event.

    ``seq`` is the store's sequence number and only grows. Live tail uses it, because event times
    may be in the past. ``received_at`` and ``sent_at`` are milliseconds since the epoch, UTC, by
    the clocks of the collector and of the sender. ``imported`` events never trigger a response.
    """

    seq: int
    app: str
    env: str
    release: str | None
    received_at: int
    sent_at: int | None
    imported: bool
    outcome: Outcome | None
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedBatch:
    """Valid events of one app, ready to be stored."""

    app: str
    env: str
    release: str | None
    received_at: int
    sent_at: int | None = None
    imported: bool = False
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
    """Events, newest first, and the cursor of the next page. The last page has None.

    If the deadline ended the search, ``searched_from`` is the time from which on the page is
    complete. The next page continues before it.
    """

    events: tuple[StoredEvent, ...]
    next: Cursor | None
    searched_from: int | None = None


@dataclass(frozen=True, slots=True)
class Histogram:
    """The number of events in each interval of a query's range.

    ``counts`` begins at ``start``, oldest first. ``start`` and ``interval`` are milliseconds. If
    the deadline ended the count, ``counted_from`` is the time before which nothing is counted.
    """

    start: int
    interval: int
    counts: tuple[int, ...]
    counted_from: int | None = None

    @property
    def total(self) -> int:
        """The number of events in the whole range."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class StoredSlice:
    """Matching events in the order of storing, and the sequence number of the next slice."""

    events: tuple[StoredEvent, ...]
    seq: int


@dataclass(frozen=True, slots=True)
class Count:
    """A number of events, and the time of the newest of them. ``is_more``: there may be more."""

    number: int
    newest: int | None
    is_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowQuery:
    """The events that a playbook counts in a window of time.

    Imported events, events that arrived more than a day late, and events from the future are left
    out.

    Attributes:
        app: The app.
        env: The environment.
        names: Names of events, at least one.
        after: The window begins after this millisecond, since the epoch, UTC.
        until: Last millisecond of the window.
        addresses: First and last client address, 16 bytes each. None means any address.
        user: A user as ``key=value`` in canonical form. None means any user.
        limit: Maximum number of events, the newest ones.
    """

    app: str
    env: str
    names: tuple[str, ...]
    after: int
    until: int
    addresses: tuple[bytes, bytes] | None = None
    user: str | None = None
    limit: int = 20_000


class EventStore(Protocol):
    """Stores events durably and finds them. Thread-safe.

    Every method raises ``StoreError`` if the store fails. Reads end at their deadline, by default
    one of the store: pages and histograms return what they have found, if they searched a part of
    the range; all others raise ``StoreError``.
    """

    def append(self, batch: AcceptedBatch) -> Appended:
        """Write a batch durably.

        An event whose (app, id) is already stored is a duplicate and changes nothing. If the write
        fails, a part of the batch may be stored; sent again, it is a duplicate.
        """

    def page(self, query: EventQuery, *, limit: int = 50, deadline: Deadline | None = None) -> Page:
        """Return the newest events of a query, or those after its cursor."""

    def since(
        self, query: EventQuery, *, seq: int, limit: int, deadline: Deadline | None = None
    ) -> StoredSlice:
        """Return matching events stored after ``seq``, in the order of storing.

        At most ``SLICE`` stored events are searched. The query's range and cursor are ignored: a
        late event that is stored now is new.
        """

    def histogram(
        self, query: EventQuery, *, interval: int, deadline: Deadline | None = None
    ) -> Histogram:
        """Count matching events per interval of milliseconds, aligned to the epoch.

        The query's cursor is ignored. More than ``MAX_BARS`` intervals raise ``StoreError``.
        """

    def count(self, query: EventQuery, *, most: int, deadline: Deadline | None = None) -> Count:
        """Count matching events among the ``most`` oldest events of the range.

        More events are searched if the filter needs only an index.
        """

    def is_small(self, query: EventQuery, *, deadline: Deadline | None = None) -> bool:
        """Return True if any read of the query is fast.

        That is a range of at most ``SLICE`` events, or of more if the filter needs only an index.
        """

    def get(
        self, app: str, event_id: str, *, deadline: Deadline | None = None
    ) -> StoredEvent | None:
        """Return the event with an id, or None."""

    def consume(
        self, *, after: int, limit: int, deadline: Deadline | None = None
    ) -> tuple[StoredEvent, ...]:
        """Return the events of all apps stored after a sequence number, in the order of storing."""

    def window(
        self, query: WindowQuery, *, deadline: Deadline | None = None
    ) -> tuple[StoredEvent, ...]:
        """Return the events of a window, newest first."""

    def users_of(
        self, query: WindowQuery, *, limit: int, deadline: Deadline | None = None
    ) -> frozenset[str]:
        """Return at most ``limit`` users of a window as ``key=value``, if they are established."""

    def suggest(
        self,
        field: Suggested,
        beginning: str,
        *,
        limit: int,
        app: str | None = None,
        deadline: Deadline | None = None,
    ) -> tuple[str, ...]:
        """Return values of a field that begin with a text, as it is or in canonical form.

        With an app, only its own values; some of its users may be missing, if there are many.
        """

    def check_writable(self) -> None:
        """Raise ``StoreError`` if a batch could not be written now."""

    def last_seq(self, *, deadline: Deadline | None = None) -> int:
        """Return the latest sequence number, 0 for an empty store."""

    def remove_before(self, timestamp: int) -> int:
        """Delete files whose events are all older than a time, and return their number.

        The time is in milliseconds since the epoch, UTC. Some older events may stay.
        """

    def files(self) -> WatchedFiles:
        """Return the files that must stay in place while the store is open."""

    def close(self) -> None:
        """Close all connections. Further calls fail."""
