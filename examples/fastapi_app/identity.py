"""Sign-up, login, logout and passwords, with the events that a security team needs."""

from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.status import (
    HTTP_400_BAD_REQUEST,
    HTTP_401_UNAUTHORIZED,
    HTTP_409_CONFLICT,
)

from examples.fastapi_app.customers import LoggedIn, add_customer, change_password, customer_of
from examples.fastapi_app.database import ShopDatabase
from examples.fastapi_app.pages import OWN_FORM, Field, page, see
from examples.fastapi_app.passwords import matches

router: Final = APIRouter()

_MIN_PASSWORD: Final = 8
_TOO_SHORT: Final = f"A password needs at least {_MIN_PASSWORD} characters."


@router.get("/signup")
def signup_form(request: Request) -> Response:
    """Show the form for a new account."""
    return page(request, "signup.html")


@router.post("/signup", dependencies=[OWN_FORM])
def sign_up(
    request: Request, database: ShopDatabase, *, name: Field, email: Field, password: Field
) -> Response:
    """Create an account and log in."""
    if len(password) < _MIN_PASSWORD:
        return page(request, "signup.html", status_code=HTTP_400_BAD_REQUEST, error=_TOO_SHORT)
    email = email.strip().lower()
    customer = add_customer(database, email=email, name=name.strip(), password=password)
    if customer is None:
        request.state.sqreen.track(
            "user.signup_rejected",
            properties={"reason": "email_taken"},
            user_identifiers={"email": email},
        )
        error = "This address has an account already. Log in instead."
        return page(request, "signup.html", status_code=HTTP_409_CONFLICT, error=error)
    request.session["email"] = email
    request.state.sqreen.signup_track(email=email)
    return see("/")


@router.get("/login")
def login_form(request: Request) -> Response:
    """Show the login form."""
    return page(request, "login.html")


@router.post("/login", dependencies=[OWN_FORM])
def log_in(request: Request, database: ShopDatabase, *, email: Field, password: Field) -> Response:
    """Log in. The answer is the same for a wrong password and an unknown address."""
    email = email.strip().lower()
    customer = customer_of(database, email=email)
    if not matches(password, customer.password if customer else None):
        request.state.sqreen.auth_track(False, email=email)
        error = "The address or the password is wrong."
        return page(request, "login.html", status_code=HTTP_401_UNAUTHORIZED, error=error)
    request.session["email"] = email
    request.state.sqreen.auth_track(True, email=email)
    return see("/")


@router.post("/logout", dependencies=[OWN_FORM])
def log_out(request: Request, _customer: LoggedIn) -> Response:
    """Clear the session."""
    request.session.clear()
    request.state.sqreen.track("user.logout")
    return see("/")


@router.post("/account/password", dependencies=[OWN_FORM])
def replace_password(
    request: Request, database: ShopDatabase, *, customer: LoggedIn, current: Field, new: Field
) -> Response:
    """Change the password of a customer who knows the current one."""
    if not matches(current, customer.password):
        request.state.sqreen.track("password.change_failed")
        request.session["notice"] = "That is not your current password."
    elif len(new) < _MIN_PASSWORD:
        request.session["notice"] = _TOO_SHORT
    else:
        change_password(database, customer, password=new)
        request.state.sqreen.track("password.changed")
        request.session["notice"] = "Your password is changed."
    return see("/account")
