"""Log lines for operators: sign-ins, refused tokens, store errors and slow queries.

The attribute ``cause`` lets the log show one line of each cause in an interval. It contains nothing
that a visitor can choose.
"""

import logging
import re
import sqlite3
from collections.abc import Hashable
from typing import Final

from sqreen_mw.collector.client_address import client_network
from sqreen_mw.errors import StoreError

SLOW_SECONDS: Final = 1.0
"""A longer query is logged."""

_sign_ins: Final = logging.getLogger("sqreen_mw.collector.sign_in")
_tokens: Final = logging.getLogger("sqreen_mw.collector.tokens")
_store: Final = logging.getLogger("sqreen_mw.collector.store")
_queries: Final = logging.getLogger("sqreen_mw.collector.queries")
_connections: Final = logging.getLogger("sqreen_mw.collector.connections")

_TOKEN_ID: Final = re.compile("sqm_([0-9a-f]{16})_")


def log_sign_in(name: str, address: str, *, way: str) -> None:
    """Log a sign-in. ``way`` is a password or a link."""
    _sign_ins.info(
        "%s signed in with a %s from %s",
        name,
        way,
        address,
        extra=_of(name, client_network(address)),
    )


def log_failed_sign_in(name: str | None, address: str) -> None:
    """Log a wrong password. An unknown name is left out: it may be a password."""
    account = "an unknown user" if name is None else name
    _sign_ins.warning(
        "wrong password for %s from %s", account, address, extra=_of(name, client_network(address))
    )


def log_paused_sign_in(address: str, seconds: int) -> None:
    """Log that an address must wait after too many wrong passwords."""
    _sign_ins.warning(
        "sign-ins from %s must wait %d seconds after too many wrong passwords",
        address,
        seconds,
        extra=_of(client_network(address)),
    )


def log_refused_token(secret: str, address: str) -> None:
    """Log a token that is not valid, by its public id."""
    found = _TOKEN_ID.match(secret)
    token = f"the token {found[1]}" if found else "a text that is no token"
    _tokens.warning(
        "%s from %s is refused: it is unknown or revoked; see 'sqreen-mw tokens list'",
        token,
        address,
        extra=_of(client_network(address)),
    )


def log_missing_scope(token_id: str, scope: str) -> None:
    """Log a valid token that does not allow an action."""
    _tokens.warning(
        "the token %s is refused: it has not the scope %s",
        token_id,
        scope,
        extra=_of(token_id, scope),
    )


def log_store_error(error: StoreError) -> None:
    """Log that a store failed. Deadlines and busy stores are the answers of single requests."""
    cause = error.__cause__
    is_fault = cause and getattr(cause, "sqlite_errorcode", None) != sqlite3.SQLITE_INTERRUPT
    _store.log(logging.ERROR if is_fault else logging.DEBUG, "%s", error, extra=_of(str(error)))


def log_full_queue(token_id: str, of_token: int, of_all: int) -> None:
    """Log that a batch is refused because too many wait."""
    _store.warning(
        "%d batches wait to be written, %d of them from the token %s: further ones get 503",
        of_all,
        of_token,
        token_id,
        extra=_of(token_id),
    )


def log_slow_query(path: str, seconds: float, days: float | None) -> None:
    """Log a query that took long. Its filters may name people and are left out."""
    of_range = "" if days is None else f" over {days:.1f} days"
    _queries.warning("a query of %s%s took %.1f seconds", path, of_range, seconds, extra=_of(path))


def log_refused_connection(address: str) -> None:
    """Log that a client has too many open connections."""
    _connections.warning(
        "%s has too many open connections: further ones are closed",
        address,
        extra=_of(client_network(address)),
    )


def _of(*cause: Hashable) -> dict[str, Hashable]:
    return {"cause": cause}
