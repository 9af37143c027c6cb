"""Who is logged in, and the links that log in once."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, insert, select, update

from sqreen_mw.collector.clock import Clock
from sqreen_mw.collector.state.database import Database
from sqreen_mw.collector.state.secret import new_secret, secret_hash
from sqreen_mw.collector.state.tables import login_links, sessions, users
from sqreen_mw.collector.state.users import User

SESSION_LIFETIME: Final = 14 * 24 * 60 * 60 * 1000
"""Milliseconds from log-in to the end of a session, used or not."""


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in of a user; ``expires_at`` is in milliseconds since the epoch, UTC."""

    id: int
    user: User
    expires_at: int


class Sessions:
    """The sessions and login links of a collector; of their secrets only hashes are stored.

    A lookup by hash needs no comparison in constant time: what timing tells of a hash does not
    help to find its secret.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def open(self, user: User) -> str:
        """Begin a session and return its secret, for the cookie; expired ones are cleared away."""
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
        """Return the session of a secret, or None where it is unknown, closed or expired."""
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
        """End a session; an unknown secret changes nothing."""
        with self._database.write() as connection:
            connection.execute(
                delete(sessions).where(sessions.c.secret_hash == secret_hash(secret))
            )

    def issue_link(self, user: User, *, lifetime: int) -> str:
        """Return the secret of a link that logs a user in, once, within ``lifetime`` seconds."""
        secret, now = new_secret(), self._clock()
        values = {
            "user_id": user.id,
            "secret_hash": secret_hash(secret),
            "expires_at": now + lifetime * 1000,
        }
        with self._database.write() as connection:
            connection.execute(delete(login_links).where(login_links.c.expires_at <= now))
            connection.execute(insert(login_links).values(values))
        return secret

    def redeem_link(self, secret: str) -> User | None:
        """Use a link up and return its user, or None where it is unknown, used or expired."""
        now, unused = self._clock(), login_links.c.used_at.is_(None)
        of_link = login_links.c.secret_hash == secret_hash(secret)
        query = select(*_USER).join(login_links).where(of_link)
        with self._database.write() as connection:
            # One statement finds and marks, so that of two at once only one sees a row change.
            used = connection.execute(
                update(login_links)
                .where(of_link, unused, login_links.c.expires_at > now)
                .values(used_at=now)
            )
            return _user(connection.execute(query).one()) if used.rowcount == 1 else None


_USER: Final = (users.c.id.label("user_id"), users.c.name, users.c.role)


def _user(row: Any) -> User:
    return User(id=row.user_id, name=row.name, role=row.role)
