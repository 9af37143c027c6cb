"""Sign-up, login, logout and passwords, with the events that a security team needs."""

from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, session
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.wrappers import Response

from examples.flask_app.customers import (
    Customer,
    add_customer,
    change_password,
    customer_of,
    for_customers,
)
from examples.flask_app.forms import field

pages: Final = Blueprint("identity", __name__)

_MIN_PASSWORD: Final = 8
_TOO_SHORT: Final = f"A password needs at least {_MIN_PASSWORD} characters."
_UNKNOWN: Final = generate_password_hash("an unknown account takes the same time")


@pages.get("/signup")
def signup_form() -> str:
    """Show the form for a new customer."""
    return render_template("signup.html")


@pages.post("/signup")
def sign_up() -> str | Response | tuple[str, int]:
    """Create a customer and log in."""
    email, name, password = field("email").lower(), field("name"), field("password")
    if len(password) < _MIN_PASSWORD:
        return render_template("signup.html", error=_TOO_SHORT), 400
    user = {"email": email}
    if add_customer(email=email, name=name, password=password) is None:
        request.environ["sqreen.request"].track(
            "user.signup_rejected", properties={"reason": "email_taken"}, user_identifiers=user
        )
        return render_template("signup.html", error="You bank here already. Log in."), 409
    session["email"] = email
    request.environ["sqreen.request"].signup_track(user)
    return redirect("/", 303)


@pages.get("/login")
def login_form() -> str:
    """Show the login form."""
    return render_template("login.html")


@pages.post("/login")
def log_in() -> str | Response | tuple[str, int]:
    """Log in. The answer is the same for a wrong password and an unknown address."""
    email, password = field("email").lower(), field("password")
    customer = customer_of(email)
    matches = check_password_hash(customer.password if customer else _UNKNOWN, password)
    if customer is None or not matches:
        request.environ["sqreen.request"].auth_track(False, email=email)
        return render_template("login.html", error="The address or the password is wrong."), 401
    session["email"] = email
    request.environ["sqreen.request"].auth_track(True, email=email)
    return redirect("/", 303)


@pages.post("/logout")
@for_customers
def log_out(_customer: Customer) -> Response:
    """Clear the session."""
    session.clear()
    request.environ["sqreen.request"].track("user.logout")
    return redirect("/login", 303)


@pages.get("/password")
@for_customers
def password_form(_customer: Customer) -> str:
    """Show the form for a new password."""
    return render_template("password.html")


@pages.post("/password")
@for_customers
def replace_password(customer: Customer) -> Response:
    """Change the password of a customer who knows the current one."""
    current, new = field("current"), field("new")
    if not check_password_hash(customer.password, current):
        request.environ["sqreen.request"].track("password.change_failed")
        flash("That is not your current password.")
    elif len(new) < _MIN_PASSWORD:
        flash(_TOO_SHORT)
    else:
        change_password(customer, password=new)
        request.environ["sqreen.request"].track("password.changed")
        flash("Your password is changed.")
    return redirect("/password", 303)
