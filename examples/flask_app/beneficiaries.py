"""The recipients whom a customer pays often."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from examples.flask_app.accounts import account
from examples.flask_app.customers import Customer, for_customers
from examples.flask_app.database import database
from examples.flask_app.forms import field

pages: Final = Blueprint("beneficiaries", __name__)


@dataclass(frozen=True, slots=True)
class Beneficiary:
    """Another customer's account with a label."""

    account: str
    label: str


def beneficiaries_of(owner: int) -> tuple[Beneficiary, ...]:
    """Return a customer's beneficiaries, sorted by label."""
    with database().transaction() as connection:
        rows = connection.execute(
            "SELECT account, label FROM beneficiaries WHERE customer = ? ORDER BY label", (owner,)
        ).fetchall()
    return tuple(Beneficiary(*row) for row in rows)


def _refusal(customer: Customer, *, number: str, label: str) -> str | None:
    found = account(number)
    if found is None:
        return "unknown_account"
    if found.owner == customer.id:
        return "own_account"
    try:
        with database().transaction() as connection:
            connection.execute(
                "INSERT INTO beneficiaries (customer, account, label) VALUES (?, ?, ?)",
                (customer.id, number, label),
            )
    except sqlite3.IntegrityError:
        return "known_already"
    return None


@pages.get("/beneficiaries")
@for_customers
def beneficiaries(customer: Customer) -> str:
    """Show a customer's beneficiaries."""
    return render_template("beneficiaries.html", beneficiaries=beneficiaries_of(customer.id))


@pages.post("/beneficiaries")
@for_customers
def add_beneficiary(customer: Customer) -> Response:
    """Add a beneficiary."""
    number, label = field("account").upper(), field("label")
    sqreen = request.environ["sqreen.request"]
    reason = _refusal(customer, number=number, label=label)
    if reason:
        properties = {"account": number, "reason": reason}
        sqreen.track("beneficiary.rejected", properties=properties)
        flash("This account can't be added. Check its number.")
    else:
        sqreen.track("beneficiary.added", properties={"account": number})
        flash(f"{label} is added.")
    return redirect("/beneficiaries", 303)
