"""Bearer tokens for sending and reading an app's events."""

import hmac
import secrets
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, insert, select, update

from sqreen_mw.collector.clock import Clock
from sqreen_mw.collector.state.database import Database
from sqreen_mw.collector.state.secret import new_secret, secret_hash
from sqreen_mw.collector.state.tables import apps, tokens
from sqreen_mw.errors import RefusedError

SCOPES: Final = frozenset({"ingest", "decisions:read", "query", "playbooks:write", "admin"})
"""All scopes of tokens."""

AGENT_SCOPES: Final = frozenset({"ingest", "decisions:read"})
"""The scopes that the SDK needs."""

_PREFIX: Final = "sqm"
_MAX_SECRET_LENGTH: Final = 256


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret. ``created_at`` is in milliseconds since the epoch, UTC."""

    id: str
    app: str
    name: str
    scopes: frozenset[str]
    created_at: int


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token with its secret. The secret is not stored."""

    token: Token
    secret: str


class Tokens:
    """The tokens of a collector: ``sqm_<id>_<secret>``. Only the id and a hash are stored."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def issue(self, app_name: str, *, name: str, scopes: frozenset[str]) -> IssuedToken:
        """Create a token for an app.

        Raises:
            RefusedError: The app is unknown, or a scope is, or there is none.
        """
        if not scopes or scopes - SCOPES:
            raise RefusedError(
                f"a token needs scopes from {', '.join(sorted(SCOPES))}; "
                f"got {', '.join(sorted(scopes)) or 'none'}"
            )
        public_id = secrets.token_hex(8)
        secret = f"{_PREFIX}_{public_id}_{new_secret()}"
        with self._database.write() as connection:
            app_id = connection.scalar(select(apps.c.id).where(apps.c.name == app_name))
            if app_id is None:
                raise RefusedError(f"there is no app {app_name!r}")
            token = Token(public_id, app_name, name, scopes, self._clock())
            connection.execute(
                insert(tokens).values(
                    id=public_id,
                    app_id=app_id,
                    name=name,
                    scopes=" ".join(sorted(scopes)),
                    secret_hash=secret_hash(secret),
                    created_at=token.created_at,
                )
            )
        return IssuedToken(token, secret)

    def verify(self, secret: str) -> Token | None:
        """Return the token of a secret, or None if it is unknown or revoked.

        The lookup uses the public id. The hashes are compared in constant time.
        """
        prefix, _, rest = secret.partition("_")
        if prefix != _PREFIX or len(secret) > _MAX_SECRET_LENGTH or not secret.isascii():
            return None
        query = _query().where(tokens.c.id == rest.partition("_")[0], tokens.c.revoked_at.is_(None))
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or not hmac.compare_digest(row.secret_hash, secret_hash(secret)):
            return None
        return _token(row)

    def all(self, app_name: str | None = None) -> tuple[Token, ...]:
        """Return the valid tokens of one app or of all apps, sorted by app and age."""
        query = _query().where(tokens.c.revoked_at.is_(None))
        if app_name is not None:
            query = query.where(apps.c.name == app_name)
        query = query.order_by(apps.c.name, tokens.c.created_at, tokens.c.id)
        with self._database.read() as connection:
            return tuple(map(_token, connection.execute(query)))

    def revoke(self, text: str) -> Token:
        """Revoke a token by its id or secret, and return it.

        Raises:
            RefusedError: The token does not exist or is already revoked.
        """
        public_id = text.removeprefix(f"{_PREFIX}_").partition("_")[0]
        matches = (tokens.c.id == public_id) & tokens.c.revoked_at.is_(None)
        with self._database.write() as connection:
            row = connection.execute(_query().where(matches)).one_or_none()
            connection.execute(update(tokens).where(matches).values(revoked_at=self._clock()))
        if row is None:
            raise RefusedError("there is no such token: run 'sqreen-mw tokens list'")
        return _token(row)


def _query() -> Any:
    return select(tokens, apps.c.name.label("app")).join(apps)


def _token(row: Row[Any]) -> Token:
    return Token(row.id, row.app, row.name, frozenset(row.scopes.split()), row.created_at)
