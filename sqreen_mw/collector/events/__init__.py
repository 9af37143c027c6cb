"""The event store, its queries and filters."""

from sqreen_mw.collector.database_file import database_path
from sqreen_mw.collector.events.base import EventStore
from sqreen_mw.collector.events.handover import Handover
from sqreen_mw.collector.events.sqlite import SqliteEventStore

__all__ = ["open_event_store"]


def open_event_store(url: str, *, handover: Handover | None = None) -> EventStore:
    """Open the event store of a URL such as ``sqlite:///folder/events.db``.

    Args:
        url: The URL.
        handover: Gets the events of each batch, if there is a consumer.

    Raises:
        ConfigurationError: The URL has an unknown scheme, or the file cannot be written.
        StoreError: The store comes from a newer release.
    """
    path = database_path(url, setting="--events-url")
    return SqliteEventStore(path, handover=handover)
