"""The overview, and the form that sends money."""

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

_SAID: Final = {
    "invalid_amount": "That is no amount.",
    "same_account": "Both accounts are the same.",
    "foreign_account": "That account is not yours.",
    "over_transfer_limit": "A transfer may have €2,000 at most.",
    "over_daily_limit": "An account may send €5,000 a day at most.",
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
    """Show the form that sends money."""
    accounts, known = accounts_of(customer.id), beneficiaries_of(customer.id)
    return render_template("transfer.html", accounts=accounts, beneficiaries=known)


@pages.post("/transfer")
@for_customers
def send(customer: Customer) -> Response:
    """Send money, or say why not."""
    source, target = field("source"), field("target").upper()
    cents = cents_in(field("amount"))
    reason = _sent(customer, source, target, cents=cents)
    properties = {"amount": cents / 100 if cents else None, "source": source, "target": target}
    # sqreen.track() knows the request by itself: any code below it can track.
    if reason:
        properties["reason"] = reason
        sqreen.track("transfer.rejected", properties=properties)
        flash(_SAID[reason])
        return redirect("/transfer", 303)
    sqreen.track("transfer.created", properties=properties)
    flash(f"Your money is on its way to {target}.")
    return redirect("/", 303)


def _sent(customer: Customer, source: str, target: str, *, cents: int | None) -> str | None:
    if cents is None:
        return "invalid_amount"
    if source not in {account.number for account in accounts_of(customer.id)}:
        return "foreign_account"
    return transfer(source, target, cents=cents)
