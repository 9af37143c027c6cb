"""Bearer tokens for sending and reading events."""

import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row, func, insert, or_, select, update

from sqreen_mw.collector.clock import Clock
from sqreen_mw.collector.state.database import Database
from sqreen_mw.collector.state.secret import new_secret, secret_hash
from sqreen_mw.collector.state.tables import apps, tokens
from sqreen_mw.errors import RefusedError, StoreError
from sqreen_mw.protocol.token import ORGANIZATION, PREFIX

SCOPES: Final = frozenset(
    {"ingest", "decisions:read", "query", "import", "playbooks:write", "admin"}
)
"""All scopes of tokens."""

AGENT_SCOPES: Final = frozenset({"ingest", "decisions:read"})
"""The scopes that the SDK needs. An organization token has them and no others."""

USE_INTERVAL: Final = 60_000
"""Milliseconds between two records of a token's use. Writing at each use would cost a commit."""

_MAX_SECRET_LENGTH: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token without its secret. All times are in milliseconds since the epoch, UTC.

    ``app`` is None for an organization token, which accepts any app. ``used_at`` is precise to
    ``USE_INTERVAL``.
    """

    id: str
    app: str | None
    name: str
    scopes: frozenset[str]
    created_at: int
    expires_at: int | None = None
    used_at: int | None = field(default=None, compare=False)


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

    def issue(
        self, app_name: str, *, name: str, scopes: frozenset[str], lifetime: int | None = None
    ) -> IssuedToken:
        """Create a token for an app, valid for ``lifetime`` seconds or forever.

        Raises:
            RefusedError: The app is unknown, or a scope is, or there is none.
        """
        if not scopes or scopes - SCOPES:
            raise RefusedError(
                f"a token needs scopes from {', '.join(sorted(SCOPES))}; "
                f"got {', '.join(sorted(scopes)) or 'none'}"
            )
        return self._issue(app_name, name=name, scopes=scopes, lifetime=lifetime)

    def issue_for_organization(self, *, name: str) -> IssuedToken:
        """Create a token for sending the events of any app."""
        return self._issue(None, name=name, scopes=AGENT_SCOPES, lifetime=None)

    def verify(self, secret: str) -> Token | None:
        """Return the token of a secret, or None if it is unknown, revoked or expired.

        The lookup uses the public id. The hashes are compared in constant time.
        """
        prefix, _, rest = secret.partition("_")
        if prefix != PREFIX or len(secret) > _MAX_SECRET_LENGTH or not secret.isascii():
            return None
        query = self._valid().where(tokens.c.id == rest.partition("_")[0])
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or not hmac.compare_digest(row.secret_hash, secret_hash(secret)):
            return None
        self._record_use(row)
        return _token(row)

    def all(self, app_name: str | None = None) -> tuple[Token, ...]:
        """Return the valid tokens, sorted by app and age.

        With an app's name, only its tokens and the organization tokens are returned.
        """
        query = self._valid()
        if app_name is not None:
            query = query.where(or_(apps.c.name == app_name, tokens.c.app_id.is_(None)))
        query = query.order_by(apps.c.name, tokens.c.created_at, tokens.c.id)
        with self._database.read() as connection:
            return tuple(map(_token, connection.execute(query)))

    def revoke(self, text: str) -> Token:
        """Revoke a token by its id or secret, and return it.

        Raises:
            RefusedError: The token does not exist or is already revoked.
        """
        public_id = text.removeprefix(f"{PREFIX}_").partition("_")[0]
        matches = (tokens.c.id == public_id) & tokens.c.revoked_at.is_(None)
        with self._database.write() as connection:
            row = connection.execute(_query().where(matches)).one_or_none()
            connection.execute(update(tokens).where(matches).values(revoked_at=self._clock()))
        if row is None:
            raise RefusedError("there is no such token: run 'sqreen-mw tokens list'")
        return _token(row)

    def any_issued(self) -> bool:
        """Return True if a token was ever created, even if it is revoked now."""
        with self._database.read() as connection:
            return bool(connection.scalar(select(func.count()).select_from(tokens)))

    def _issue(
        self, app_name: str | None, *, name: str, scopes: frozenset[str], lifetime: int | None
    ) -> IssuedToken:
        now = self._clock()
        token = Token(
            id=(ORGANIZATION if app_name is None else "") + secrets.token_hex(8),
            app=app_name,
            name=name,
            scopes=scopes,
            created_at=now,
            expires_at=None if lifetime is None else now + lifetime * 1000,
        )
        secret = f"{PREFIX}_{token.id}_{new_secret()}"
        with self._database.write() as connection:
            app_id = connection.scalar(select(apps.c.id).where(apps.c.name == app_name))
            if app_id is None and app_name is not None:
                raise RefusedError(f"there is no app {app_name!r}")
            connection.execute(
                insert(tokens).values(
                    id=token.id,
                    app_id=app_id,
                    name=name,
                    scopes=" ".join(sorted(scopes)),
                    secret_hash=secret_hash(secret),
                    created_at=now,
                    expires_at=token.expires_at,
                )
            )
        return IssuedToken(token, secret)

    def _valid(self) -> Any:
        lives = or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > self._clock())
        return _query().where(tokens.c.revoked_at.is_(None), lives)

    def _record_use(self, row: Row[Any]) -> None:
        now = self._clock()
        if row.used_at is not None and now - row.used_at < USE_INTERVAL:
            return
        used = update(tokens).where(tokens.c.id == row.id).values(used_at=now)
        # Reads still work with a store that cannot be written.
        with suppress(StoreError), self._database.write() as connection:
            connection.execute(used)


def _query() -> Any:
    return select(tokens, apps.c.name.label("app")).join(apps, isouter=True)


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        app=row.app,
        name=row.name,
        scopes=frozenset(row.scopes.split()),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )
