"""The event store in a SQLite file."""

from sqreen_mw.collector.events.sqlite.store import DEADLINE, SqliteEventStore

__all__ = ["DEADLINE", "SqliteEventStore"]
