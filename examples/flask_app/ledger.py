"""Transfers and their limits."""

import sqlite3
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from examples.flask_app.database import database

MAX_TRANSFER: Final = 2_000_00
"""The limit of one transfer in cents."""

MAX_PER_DAY: Final = 5_000_00
"""The limit of one account in 24 hours, in cents."""

_SENT_TODAY: Final = """
SELECT coalesce(sum(cents), 0) FROM transfers
WHERE source = ? AND made_at > datetime('now', '-1 day')
"""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A completed transfer. ``made_at`` is text in UTC."""

    source: str
    target: str
    cents: int
    made_at: str


def cents_in(text: str) -> int | None:
    """Parse an amount such as ``12.50``. Return None if it is invalid."""
    try:
        cents = Decimal(text.strip()) * 100
    except InvalidOperation:
        return None
    whole = cents.is_finite() and 0 < cents < 10**12 and cents == int(cents)
    return int(cents) if whole else None


def transfer(source: str, target: str, *, cents: int) -> str | None:
    """Transfer money in one transaction. Return why it was refused, or None."""
    with database().transaction() as connection:
        reason = _refusal(connection, source, target, cents=cents)
        if reason:
            return reason
        connection.executemany(
            "UPDATE accounts SET cents = cents + ? WHERE number = ?",
            [(-cents, source), (cents, target)],
        )
        connection.execute(
            "INSERT INTO transfers (source, target, cents) VALUES (?, ?, ?)",
            (source, target, cents),
        )
    return None


def transfers_of(owner: int, *, limit: int = 10) -> tuple[Transfer, ...]:
    """Return the newest transfers from or to a customer's accounts."""
    with database().transaction() as connection:
        rows = connection.execute(
            "WITH own AS (SELECT number FROM accounts WHERE customer = ?)"
            " SELECT source, target, cents, made_at FROM transfers"
            " WHERE source IN own OR target IN own ORDER BY id DESC LIMIT ?",
            (owner, limit),
        ).fetchall()
    return tuple(Transfer(*row) for row in rows)


def _refusal(connection: sqlite3.Connection, source: str, target: str, *, cents: int) -> str | None:
    if source == target:
        return "same_account"
    if cents > MAX_TRANSFER:
        return "over_transfer_limit"
    if cents + connection.execute(_SENT_TODAY, (source,)).fetchone()[0] > MAX_PER_DAY:
        return "over_daily_limit"
    held = dict(
        connection.execute(
            "SELECT number, cents FROM accounts WHERE number IN (?, ?)", (source, target)
        ).fetchall()
    )
    if target not in held:
        return "unknown_recipient"
    return "insufficient_funds" if held.get(source, 0) < cents else None
