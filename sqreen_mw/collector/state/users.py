"""User accounts of the collector."""

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from sqreen_mw.collector.clock import Clock
from sqreen_mw.collector.state.database import Database
from sqreen_mw.collector.state.passwords import hash_password, password_matches
from sqreen_mw.collector.state.tables import login_links, sessions, users
from sqreen_mw.errors import RefusedError
from sqreen_mw.protocol.limits import MAX_NAME_LENGTH

Role: TypeAlias = Literal["viewer", "analyst", "admin"]

ROLES: Final[tuple[str, ...]] = get_args(Role)


@dataclass(frozen=True, slots=True)
class User:
    """A user account with a role."""

    id: int
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class UserEntry:
    """A user in a list. Times are in milliseconds since the epoch, UTC.

    ``signed_in_at`` is the start of the latest session that has not ended, or None.
    """

    user: User
    has_password: bool
    created_at: int
    signed_in_at: int | None


class Users:
    """The users of a collector."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, name: str, *, password: str | None, role: Role) -> User:
        """Create a user. Without a password, a user can sign in by a link only.

        Raises:
            RefusedError: The name is taken or invalid, the role unknown, or the password too short.
        """
        is_fine = 0 < len(name) <= MAX_NAME_LENGTH and name == name.strip() and name.isprintable()
        if not is_fine:
            raise RefusedError(
                f"a user name must have 1 to {MAX_NAME_LENGTH} printable characters without outer "
                "spaces"
            )
        if role not in ROLES:
            raise RefusedError(f"there is no role {role!r}: use one of {', '.join(ROLES)}")
        hashed = None if password is None else hash_password(password)
        values = {"name": name, "role": role, "password_hash": hashed, "created_at": self._clock()}
        try:
            with self._database.write() as connection:
                user_id = connection.scalar(insert(users).values(values).returning(users.c.id))
        except IntegrityError as error:
            raise RefusedError(f"there is a user {name!r} already") from error
        return User(id=user_id, name=name, role=role)

    def set_password(self, name: str, password: str) -> None:
        """Set a user's password, and delete their sessions and sign-in links.

        Raises:
            RefusedError: The user does not exist, or the password is too short.
        """
        hashed = hash_password(password)
        with self._database.write() as connection:
            user_id = connection.scalar(select(users.c.id).where(users.c.name == name))
            if user_id is None:
                raise RefusedError(f"there is no user {name!r}")
            is_user = users.c.id == user_id
            connection.execute(update(users).where(is_user).values(password_hash=hashed))
            connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
            connection.execute(delete(login_links).where(login_links.c.user_id == user_id))

    def authenticate(self, name: str, password: str) -> User | None:
        """Return the user if name and password match, else None, in constant time."""
        row = self._row(name)
        matches = password_matches(password, None if row is None else row.password_hash)
        return None if row is None or not matches else _user(row)

    def set_role(self, name: str, role: Role) -> None:
        """Change the role of a user.

        Raises:
            RefusedError: The user does not exist.
        """
        self._change(name, update(users).values(role=role))

    def remove(self, name: str) -> None:
        """Delete a user with all sessions and sign-in links.

        Raises:
            RefusedError: The user does not exist.
        """
        self._change(name, delete(users))

    def all(self) -> tuple[UserEntry, ...]:
        """Return all users, sorted by name."""
        latest = func.max(sessions.c.created_at).label("signed_in_at")
        query = select(users, latest).join(sessions, isouter=True).group_by(users.c.id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(users.c.name)).all()
        return tuple(
            UserEntry(_user(row), row.password_hash is not None, row.created_at, row.signed_in_at)
            for row in rows
        )

    def by_name(self, name: str) -> User | None:
        """Return the user with a name, or None."""
        row = self._row(name)
        return None if row is None else _user(row)

    def count(self) -> int:
        """Return the number of users."""
        return self._count(select(func.count()).select_from(users))

    def any_password(self) -> bool:
        """Return True if any user has a password."""
        has_password = users.c.password_hash.is_not(None)
        return self._count(select(func.count()).select_from(users).where(has_password)) > 0

    def _change(self, name: str, statement: Any) -> None:
        with self._database.write() as connection:
            if connection.execute(statement.where(users.c.name == name)).rowcount == 0:
                raise RefusedError(f"there is no user {name!r}: run 'sqreen-mw users list'")

    def _count(self, query: Any) -> int:
        with self._database.read() as connection:
            return int(connection.scalar(query))

    def _row(self, name: str) -> Row[Any] | None:
        with self._database.read() as connection:
            return connection.execute(select(users).where(users.c.name == name)).one_or_none()


def _user(row: Row[Any]) -> User:
    return User(id=row.id, name=row.name, role=row.role)
