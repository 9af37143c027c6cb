"""What the collector must not forget besides events: apps, tokens, users, processes."""

from dataclasses import dataclass

from sqreen_mw.collector.clock import Clock, system_clock
from sqreen_mw.collector.state.apps import Apps
from sqreen_mw.collector.state.database import Database, open_database
from sqreen_mw.collector.state.instances import Instances
from sqreen_mw.collector.state.sessions import Sessions
from sqreen_mw.collector.state.tokens import Tokens
from sqreen_mw.collector.state.users import Users

__all__ = ["State", "open_state"]


@dataclass(frozen=True, slots=True)
class State:
    """The repositories of one database; safe to use from many threads."""

    apps: Apps
    tokens: Tokens
    users: Users
    sessions: Sessions
    instances: Instances
    database: Database

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


def open_state(url: str, *, clock: Clock = system_clock) -> State:
    """Return the state that a URL such as ``sqlite:///folder/state.db`` names.

    The database is made, or brought to the newest tables.

    Raises:
        ConfigurationError: The URL names no database that is spoken here, or can't be written.
        StoreError: The file is no database, or was made by a newer release.
    """
    database = open_database(url)
    return State(
        apps=Apps(database, clock),
        tokens=Tokens(database, clock),
        users=Users(database, clock),
        sessions=Sessions(database, clock),
        instances=Instances(database),
        database=database,
    )
