"""The URL at which the collector was started last, for commands that print links to it."""

from sqlalchemy import delete, insert, select

from sqreen_mw.collector.state.database import Database
from sqreen_mw.collector.state.tables import served_url


class ServedUrl:
    """The URL at which a collector with this database was started last."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, url: str) -> None:
        """Replace the URL."""
        with self._database.write() as connection:
            connection.execute(delete(served_url))
            connection.execute(insert(served_url).values(url=url))

    def get(self) -> str | None:
        """Return the URL, or None if no collector was started yet."""
        with self._database.read() as connection:
            return connection.scalar(select(served_url.c.url))
