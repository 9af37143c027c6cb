"""Login sessions and sign-in links."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, insert, select, update

from sqreen_mw.collector.clock import Clock
from sqreen_mw.collector.state.database import Database
from sqreen_mw.collector.state.secret import new_secret, secret_hash
from sqreen_mw.collector.state.tables import login_links, sessions, users
from sqreen_mw.collector.state.users import User

SESSION_LIFETIME: Final = 14 * 24 * 60 * 60 * 1000
"""Milliseconds from the login to the end of a session."""

LOGIN_LINK_LIFETIME: Final = 60 * 60
"""Seconds until a sign-in link expires."""


@dataclass(frozen=True, slots=True)
class Session:
    """One login of a user. ``expires_at`` is in milliseconds since the epoch, UTC."""

    id: int
    user: User
    expires_at: int


class Sessions:
    """The sessions and sign-in links of a collector. Only hashes of their secrets are stored.

    Lookups by hash need no constant-time comparison: timing reveals nothing about the secret.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def open(self, user: User) -> str:
        """Open a session and return the secret for its cookie. Expired sessions are deleted."""
        secret, now = new_secret(), self._clock()
        values = {
            "user_id": user.id,
            "secret_hash": secret_hash(secret),
            "created_at": now,
            "expires_at": now + SESSION_LIFETIME,
        }
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            connection.execute(insert(sessions).values(values))
        return secret

    def find(self, secret: str) -> Session | None:
        """Return the session of a secret, or None if it is unknown, closed or expired."""
        query = (
            select(sessions.c.id, sessions.c.expires_at, *_USER)
            .join(users)
            .where(sessions.c.secret_hash == secret_hash(secret))
            .where(sessions.c.expires_at > self._clock())
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Session(row.id, _user(row), row.expires_at)

    def close(self, secret: str) -> None:
        """Delete a session. An unknown secret is ignored."""
        with self._database.write() as connection:
            connection.execute(
                delete(sessions).where(sessions.c.secret_hash == secret_hash(secret))
            )

    def issue_link(self, user: User, *, lifetime: int, reusable: bool = False) -> str:
        """Create a link and return its secret. It expires after ``lifetime`` seconds.

        It works once, unless it is reusable.
        """
        secret, now = new_secret(), self._clock()
        values = {
            "user_id": user.id,
            "secret_hash": secret_hash(secret),
            "expires_at": now + lifetime * 1000,
            "reusable": reusable,
        }
        with self._database.write() as connection:
            connection.execute(delete(login_links).where(login_links.c.expires_at <= now))
            connection.execute(insert(login_links).values(values))
        return secret

    def user_of_link(self, secret: str) -> User | None:
        """Return the user of a link without using it, or None if it is no longer valid."""
        query = select(*_USER).join(login_links).where(*self._valid_link(secret))
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _user(row)

    def redeem_link(self, secret: str) -> User | None:
        """Use a link and return its user, or None if it is unknown, used or expired."""
        valid = self._valid_link(secret)
        query = select(*_USER).join(login_links).where(valid[0])
        with self._database.write() as connection:
            # One statement finds and marks the link, so two requests cannot both use it.
            mark = update(login_links).where(*valid).values(used_at=self._clock())
            used = connection.execute(mark)
            return _user(connection.execute(query).one()) if used.rowcount == 1 else None

    def _valid_link(self, secret: str) -> tuple[ColumnElement[bool], ...]:
        return (
            login_links.c.secret_hash == secret_hash(secret),
            login_links.c.used_at.is_(None) | login_links.c.reusable,
            login_links.c.expires_at > self._clock(),
        )


_USER: Final = (users.c.id.label("user_id"), users.c.name, users.c.role)


def _user(row: Any) -> User:
    return User(id=row.user_id, name=row.name, role=row.role)
