"""Stored state besides events: apps, tokens, users, sessions, app instances."""

from dataclasses import dataclass

from sqreen_mw.collector.clock import Clock, system_clock
from sqreen_mw.collector.state.apps import Apps
from sqreen_mw.collector.state.database import Database, open_database
from sqreen_mw.collector.state.instances.queries import Instances
from sqreen_mw.collector.state.served_url import ServedUrl
from sqreen_mw.collector.state.sessions import Sessions
from sqreen_mw.collector.state.tokens import Tokens
from sqreen_mw.collector.state.users import Users

__all__ = ["State", "open_state"]


@dataclass(frozen=True, slots=True)
class State:
    """The repositories of one database. Thread-safe."""

    apps: Apps
    tokens: Tokens
    users: Users
    sessions: Sessions
    instances: Instances
    served_url: ServedUrl
    database: Database

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def open_state(url: str, *, clock: Clock = system_clock) -> State:
    """Open the database of a URL such as ``sqlite:///folder/state.db``.

    A missing database is created, an older one is migrated.

    Raises:
        ConfigurationError: The URL has an unknown scheme, or the file cannot be written.
        StoreError: The file is not a database, or comes from a newer release.
    """
    database = open_database(url)
    return State(
        apps=Apps(database, clock),
        tokens=Tokens(database, clock),
        users=Users(database, clock),
        sessions=Sessions(database, clock),
        instances=Instances(database),
        served_url=ServedUrl(database),
        database=database,
    )
