"""The checkout, and the account page with the orders."""

from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.status import HTTP_402_PAYMENT_REQUIRED

from examples.fastapi_app.basket import basket_in, empty
from examples.fastapi_app.customers import LoggedIn
from examples.fastapi_app.database import ShopDatabase
from examples.fastapi_app.orders import orders_of, place_order
from examples.fastapi_app.pages import OWN_FORM, Field, page, see
from examples.fastapi_app.payment import charge

router: Final = APIRouter()


@router.get("/checkout")
def checkout_form(request: Request, _customer: LoggedIn) -> Response:
    """Show the form for the card."""
    return page(request, "checkout.html")


@router.post("/checkout", dependencies=[OWN_FORM])
def check_out(
    request: Request, database: ShopDatabase, *, customer: LoggedIn, card: Field
) -> Response:
    """Charge the card and store the order."""
    basket = basket_in(request.session)
    if not basket.lines:
        return see("/cart")
    # Amounts and reasons help to find fraud. Card numbers are never tracked.
    properties = {"amount": basket.total / 100, "items": basket.items, "coupon": basket.coupon}
    reason = charge(card, cents=basket.total)
    if reason:
        request.state.sqreen.track("payment.declined", properties={**properties, "reason": reason})
        error = "Your bank declined the payment. Try another card."
        return page(request, "checkout.html", status_code=HTTP_402_PAYMENT_REQUIRED, error=error)
    number = place_order(database, customer, basket)
    empty(request.session)
    request.state.sqreen.track("checkout.completed", properties={**properties, "order": number})
    request.session["notice"] = f"Thank you! Order {number} is on its way."
    return see("/account")


@router.get("/account")
def account(request: Request, database: ShopDatabase, customer: LoggedIn) -> Response:
    """Show a customer's orders and the form for a new password."""
    return page(request, "account.html", orders=orders_of(database, customer))
