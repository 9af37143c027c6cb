"""The store of events, behind one protocol."""

from sqreen_mw.collector.database_file import database_path, make_private_file
from sqreen_mw.collector.events.base import EventStore
from sqreen_mw.collector.events.sqlite import SqliteEventStore

__all__ = ["open_event_store"]


def open_event_store(url: str) -> EventStore:
    """Return the event store that a URL such as ``sqlite:///folder/events.db`` names.

    Raises:
        ConfigurationError: The URL names no store that is spoken here, or can't be written.
        StoreError: The store is not of this release.
    """
    path = database_path(url, setting="--events-url")
    make_private_file(path, setting="--events-url")
    return SqliteEventStore(path)
