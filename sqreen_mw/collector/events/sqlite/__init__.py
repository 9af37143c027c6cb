"""The event store in one SQLite file."""

from sqreen_mw.collector.events.sqlite.store import DEADLINE, MAX_BARS, SqliteEventStore

__all__ = ["DEADLINE", "MAX_BARS", "SqliteEventStore"]
