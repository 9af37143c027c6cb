"""The apps whose events are kept, and the environments that they were seen in."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from sqreen_mw.collector.clock import Clock
from sqreen_mw.collector.state.database import Database
from sqreen_mw.collector.state.tables import apps, environments
from sqreen_mw.errors import RefusedError
from sqreen_mw.protocol.limits import MAX_NAME_LENGTH

DEFAULT_ENVIRONMENT: Final = "default"
"""The environment of an app that names none."""

MAX_ENVIRONMENTS: Final = 100
"""Environments that are listed of one app: the names come with the events, so they are bounded."""


@dataclass(frozen=True, slots=True)
class App:
    """An app; ``created_at`` is in milliseconds since the epoch, UTC."""

    id: int
    name: str
    created_at: int


class Apps:
    """The apps of a collector."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def ensure(self, name: str) -> App:
        """Return the app of a name; it is made where it is not there.

        Raises:
            RefusedError: The name is empty or too long, or no part of a path.
        """
        if not 0 < len(name) <= MAX_NAME_LENGTH:
            raise RefusedError(f"an app's name has 1 to {MAX_NAME_LENGTH} characters")
        if name in {".", ".."} or "/" in name:
            raise RefusedError(f"an app can't be called {name!r}: use no slash, and not just dots")
        found = self._by_name(name)
        if found is None:
            self._insert(name)
            found = self._by_name(name)
        if found is None:  # pragma: no cover - another process removed it in between
            raise RefusedError(f"the app {name!r} was removed just now")
        return found

    def all(self) -> tuple[App, ...]:
        """Return every app, by name."""
        with self._database.read() as connection:
            return tuple(map(_app, connection.execute(select(apps).order_by(apps.c.name))))

    def environments(self, app_name: str) -> tuple[str, ...]:
        """Return the names of the environments that an app was seen in, sorted."""
        query = (
            select(environments.c.name)
            .join(apps)
            .where(apps.c.name == app_name)
            .order_by(environments.c.name)
        )
        with self._database.read() as connection:
            return tuple(connection.scalars(query))

    def saw_environment(self, app_name: str, env: str) -> None:
        """Note that an app was seen in an environment; beyond the bound it is not noted."""
        known = self.environments(app_name)
        if env in known or len(known) >= MAX_ENVIRONMENTS:
            return
        app = self.ensure(app_name)
        try:
            with self._database.write() as connection:
                connection.execute(insert(environments).values(app_id=app.id, name=env))
        except IntegrityError:
            return  # Another collector noted it first.

    def count(self) -> int:
        """Return the number of apps."""
        with self._database.read() as connection:
            return connection.scalar(select(func.count()).select_from(apps)) or 0

    def _by_name(self, name: str) -> App | None:
        with self._database.read() as connection:
            row = connection.execute(select(apps).where(apps.c.name == name)).one_or_none()
        return None if row is None else _app(row)

    def _insert(self, name: str) -> None:
        try:
            with self._database.write() as connection:
                connection.execute(insert(apps).values(name=name, created_at=self._clock()))
        except IntegrityError:
            return  # Another thread or collector made it first.


def _app(row: Row[tuple[int, str, int]]) -> App:
    return App(id=row.id, name=row.name, created_at=row.created_at)
