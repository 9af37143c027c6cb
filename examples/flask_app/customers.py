"""The customers, and the one who is logged in."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Final

from flask import g, redirect, session, url_for
from werkzeug.security import generate_password_hash
from werkzeug.wrappers import Response

import sqreen_mw as sqreen
from examples.flask_app.accounts import open_account
from examples.flask_app.database import database

_FIRST_ACCOUNTS: Final = {"Current account": 1_500_00, "Savings": 400_00}


@dataclass(frozen=True, slots=True)
class Customer:
    """A person with accounts."""

    id: int
    email: str
    name: str
    password: str


def add_customer(*, email: str, name: str, password: str) -> Customer | None:
    """Create a customer with two accounts, or return None if the e-mail address is taken."""
    stored = generate_password_hash(password)
    try:
        with database().transaction() as connection:
            row = connection.execute(
                "INSERT INTO customers (email, name, password) VALUES (?, ?, ?) RETURNING id",
                (email, name, stored),
            ).fetchone()
            for account, cents in _FIRST_ACCOUNTS.items():
                open_account(connection, owner=row["id"], name=account, cents=cents)
    except sqlite3.IntegrityError:
        return None
    return Customer(row["id"], email, name, stored)


def customer_of(email: str) -> Customer | None:
    """Return the customer with an e-mail address."""
    with database().transaction() as connection:
        row = connection.execute(
            "SELECT id, email, name, password FROM customers WHERE email = ?", (email,)
        ).fetchone()
    return Customer(*row) if row else None


def change_password(customer: Customer, *, password: str) -> None:
    """Replace a customer's password."""
    stored = generate_password_hash(password)
    with database().transaction() as connection:
        connection.execute("UPDATE customers SET password = ? WHERE id = ?", (stored, customer.id))


def logged_in() -> Customer | None:
    """Return the customer of this session, and identify the request's events with them."""
    if "customer" not in g:
        email = session.get("email")
        g.customer = customer_of(email) if email else None
        if g.customer:
            sqreen.identify({"email": g.customer.email}, traits={"name": g.customer.name})
    found: Customer | None = g.customer
    return found


def for_customers(view: Callable[[Customer], str | Response]) -> Callable[[], str | Response]:
    """Pass the customer to a view; other visitors are redirected to the login."""

    @wraps(view)
    def guarded() -> str | Response:
        customer = logged_in()
        return view(customer) if customer else redirect(url_for("identity.login_form"), 303)

    return guarded
