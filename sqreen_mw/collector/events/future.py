"""Count the events that are later than the present, because their sender's clock is ahead."""

from dataclasses import replace
from typing import Final

from sqreen_mw.collector.events.base import Count, EventQuery, EventStore
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.protocol.limits import MAX_TIMESTAMP

MAX_COUNTED: Final = 10_000
"""Maximum number of later events that are read. More are searched in an index."""


def count_later(store: EventStore, query: EventQuery, *, deadline: Deadline) -> Count:
    """Count the events after the end of a query that match its filter.

    If none was found but some were not searched, ``newest`` is the latest possible time.

    Raises:
        StoreError: The store failed, or the deadline passed.
    """
    later = replace(query, start=query.end, end=MAX_TIMESTAMP + 1, after=None)
    found = store.count(later, most=MAX_COUNTED, deadline=deadline)
    if found.is_more and found.newest is None:
        return replace(found, newest=MAX_TIMESTAMP)
    return found
