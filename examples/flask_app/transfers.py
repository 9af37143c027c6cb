"""The overview and the transfer form."""

from typing import Final

from flask import Blueprint, flash, redirect, render_template
from werkzeug.wrappers import Response

import sqreen_mw as sqreen
from examples.flask_app.accounts import accounts_of
from examples.flask_app.beneficiaries import beneficiaries_of
from examples.flask_app.customers import Customer, for_customers
from examples.flask_app.forms import field
from examples.flask_app.ledger import cents_in, transfer, transfers_of

pages: Final = Blueprint("transfers", __name__)

_MESSAGES: Final = {
    "invalid_amount": "That is not an amount.",
    "same_account": "Both accounts are the same.",
    "foreign_account": "That account is not yours.",
    "over_transfer_limit": "A transfer can be at most €2,000.",
    "over_daily_limit": "An account can send at most €5,000 a day.",
    "unknown_recipient": "There is no such account.",
    "insufficient_funds": "There is not enough money in this account.",
}


@pages.get("/")
@for_customers
def overview(customer: Customer) -> str:
    """Show a customer's accounts and newest transfers."""
    accounts = accounts_of(customer.id)
    own = {account.number for account in accounts}
    newest = transfers_of(customer.id)
    return render_template("overview.html", accounts=accounts, own=own, transfers=newest)


@pages.get("/transfer")
@for_customers
def transfer_form(customer: Customer) -> str:
    """Show the transfer form."""
    accounts, known = accounts_of(customer.id), beneficiaries_of(customer.id)
    return render_template("transfer.html", accounts=accounts, beneficiaries=known)


@pages.post("/transfer")
@for_customers
def send(customer: Customer) -> Response:
    """Transfer money, or show why it was refused."""
    source, target = field("source"), field("target").upper()
    cents = cents_in(field("amount"))
    reason = _transfer(customer, source, target, cents=cents)
    properties = {"amount": cents / 100 if cents else None, "source": source, "target": target}
    # sqreen.track() finds the current request, so any code below the view can call it.
    if reason:
        properties["reason"] = reason
        sqreen.track("transfer.rejected", properties=properties)
        flash(_MESSAGES[reason])
        return redirect("/transfer", 303)
    sqreen.track("transfer.created", properties=properties)
    flash(f"Your money is on its way to {target}.")
    return redirect("/", 303)


def _transfer(customer: Customer, source: str, target: str, *, cents: int | None) -> str | None:
    if cents is None:
        return "invalid_amount"
    if source not in {account.number for account in accounts_of(customer.id)}:
        return "foreign_account"
    return transfer(source, target, cents=cents)
