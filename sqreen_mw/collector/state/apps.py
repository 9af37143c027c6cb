"""Apps, and the environments seen in their events."""

import shlex
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from sqreen_mw.collector.clock import Clock
from sqreen_mw.collector.state.database import Database
from sqreen_mw.collector.state.tables import apps, environments
from sqreen_mw.errors import RefusedError, TooManyAppsError
from sqreen_mw.protocol.limits import MAX_NAME_LENGTH

DEFAULT_APP: Final = "default"
"""The app of events that name none and are sent with an organization token."""

MAX_CREATED_APPS: Final = 50
"""An organization token creates no app if there are so many already."""

DEFAULT_ENVIRONMENT: Final = "default"
"""The environment of events that name none."""

MAX_ENVIRONMENTS: Final = 100
"""Environments listed for one app. Names come from events, so their number is limited."""


@dataclass(frozen=True, slots=True)
class App:
    """An app. ``created_at`` is in milliseconds since the epoch, UTC."""

    id: int
    name: str
    created_at: int


class Apps:
    """The apps of a collector."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def ensure(self, name: str, *, most: int | None = None) -> App:
        """Return the app with a name. It is created if missing and fewer than ``most`` exist.

        Raises:
            RefusedError: The name is empty, too long, or not usable in a URL path.
            TooManyAppsError: The app is missing, and ``most`` apps exist.
        """
        found = self._by_name(name)
        if found is None:
            _check_name(name)
            self._insert(name, most=most)
            found = self._by_name(name)
        if found is None:  # pragma: no cover - another process removed it meanwhile
            raise RefusedError(f"the app {name!r} was just removed")
        return found

    def all(self) -> tuple[App, ...]:
        """Return all apps, sorted by name."""
        with self._database.read() as connection:
            return tuple(map(_app, connection.execute(select(apps).order_by(apps.c.name))))

    def environments(self, app_name: str) -> tuple[str, ...]:
        """Return the environments of an app, sorted by name."""
        query = (
            select(environments.c.name)
            .join(apps)
            .where(apps.c.name == app_name)
            .order_by(environments.c.name)
        )
        with self._database.read() as connection:
            return tuple(connection.scalars(query))

    def add_environment(self, app_name: str, env: str) -> None:
        """Record an environment of an app, unless the app has ``MAX_ENVIRONMENTS`` already."""
        known = self.environments(app_name)
        if env in known or len(known) >= MAX_ENVIRONMENTS:
            return
        app = self.ensure(app_name)
        try:
            with self._database.write() as connection:
                connection.execute(insert(environments).values(app_id=app.id, name=env))
        except IntegrityError:
            return  # Another collector recorded it first.

    def count(self) -> int:
        """Return the number of apps."""
        with self._database.read() as connection:
            return _count(connection)

    def _by_name(self, name: str) -> App | None:
        with self._database.read() as connection:
            row = connection.execute(select(apps).where(apps.c.name == name)).one_or_none()
        return None if row is None else _app(row)

    def _insert(self, name: str, *, most: int | None) -> None:
        try:
            with self._database.write() as connection:
                if most is not None and _count(connection) >= most:
                    raise TooManyAppsError(
                        f"there are {most} apps already, so the organization token cannot create "
                        f"{name!r}: run 'sqreen-mw tokens create {shlex.quote(name)}' and use that "
                        "token in the app"
                    )
                connection.execute(insert(apps).values(name=name, created_at=self._clock()))
        except IntegrityError:
            return  # Another thread or collector created it first.


def _check_name(name: str) -> None:
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        raise RefusedError(f"an app name must have 1 to {MAX_NAME_LENGTH} characters")
    if name in {".", ".."} or "/" in name or not name.isprintable():
        raise RefusedError(
            f"{name!r} is not a valid app name: it must not contain a slash or control characters, "
            "or be only dots"
        )


def _count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(apps)) or 0


def _app(row: Row[tuple[int, str, int]]) -> App:
    return App(id=row.id, name=row.name, created_at=row.created_at)
