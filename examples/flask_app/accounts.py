"""The accounts; amounts are in cents."""

import secrets
import sqlite3
from dataclasses import dataclass

from examples.flask_app.database import database


@dataclass(frozen=True, slots=True)
class Account:
    """A customer's account."""

    number: str
    owner: int
    name: str
    cents: int


def open_account(connection: sqlite3.Connection, *, owner: int, name: str, cents: int) -> None:
    """Create an account with a new number. Call it in a transaction."""
    number = f"HB-{secrets.randbelow(10_000):04}-{secrets.randbelow(10_000):04}"
    connection.execute(
        "INSERT INTO accounts (number, customer, name, cents) VALUES (?, ?, ?, ?)",
        (number, owner, name, cents),
    )


def accounts_of(owner: int) -> tuple[Account, ...]:
    """Return a customer's accounts."""
    with database().transaction() as connection:
        rows = connection.execute(
            "SELECT number, customer, name, cents FROM accounts WHERE customer = ? ORDER BY name",
            (owner,),
        ).fetchall()
    return tuple(Account(*row) for row in rows)


def account(number: str) -> Account | None:
    """Return the account with a number."""
    with database().transaction() as connection:
        row = connection.execute(
            "SELECT number, customer, name, cents FROM accounts WHERE number = ?", (number,)
        ).fetchone()
    return Account(*row) if row else None
