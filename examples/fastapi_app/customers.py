"""The customers, and the one who is logged in."""

import sqlite3
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from starlette.status import HTTP_303_SEE_OTHER

from examples.fastapi_app.database import Database, ShopDatabase
from examples.fastapi_app.passwords import hashed


@dataclass(frozen=True, slots=True)
class Customer:
    """A person with an account."""

    id: int
    email: str
    name: str
    password: str


def add_customer(database: Database, *, email: str, name: str, password: str) -> Customer | None:
    """Create an account, or return None if the e-mail address already has one."""
    stored = hashed(password)
    try:
        with database.transaction() as connection:
            row = connection.execute(
                "INSERT INTO customers (email, name, password) VALUES (?, ?, ?) RETURNING id",
                (email, name, stored),
            ).fetchone()
    except sqlite3.IntegrityError:
        return None
    return Customer(row["id"], email, name, stored)


def customer_of(database: Database, *, email: str) -> Customer | None:
    """Return the customer with an e-mail address."""
    with database.transaction() as connection:
        row = connection.execute(
            "SELECT id, email, name, password FROM customers WHERE email = ?", (email,)
        ).fetchone()
    return Customer(*row) if row else None


def change_password(database: Database, customer: Customer, *, password: str) -> None:
    """Replace a customer's password."""
    stored = hashed(password)
    with database.transaction() as connection:
        connection.execute("UPDATE customers SET password = ? WHERE id = ?", (stored, customer.id))


def logged_in(request: Request, database: ShopDatabase) -> Customer | None:
    """Return the customer of this session, and identify the request's events with them."""
    email = request.session.get("email")
    customer = customer_of(database, email=email) if email else None
    if customer:
        request.state.sqreen.identify({"email": customer.email}, traits={"name": customer.name})
    return customer


def _login_needed(customer: Annotated[Customer | None, Depends(logged_in)]) -> Customer:
    if customer is None:
        raise HTTPException(HTTP_303_SEE_OTHER, headers={"Location": "/login"})
    return customer


LoggedIn = Annotated[Customer, Depends(_login_needed)]
"""The customer as a parameter of a view; other visitors are redirected to the login."""
