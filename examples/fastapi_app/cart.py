"""The pages of the cart and its coupon."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from starlette.status import HTTP_404_NOT_FOUND

import sqreen_mw as sqreen
from examples.fastapi_app.basket import MAX_QUANTITY, basket_in, put
from examples.fastapi_app.catalogue import PRODUCTS
from examples.fastapi_app.coupons import refusal
from examples.fastapi_app.customers import Customer, LoggedIn, logged_in
from examples.fastapi_app.database import ShopDatabase
from examples.fastapi_app.orders import orders_of
from examples.fastapi_app.pages import OWN_FORM, Field, page, see

router: Final = APIRouter(prefix="/cart")


@router.get("")
def cart(request: Request) -> Response:
    """Show the cart."""
    return page(request, "cart.html")


@router.post("/items", dependencies=[OWN_FORM])
def set_item(
    request: Request,
    *,
    _customer: Annotated[Customer | None, Depends(logged_in)],
    slug: Field,
    quantity: Annotated[int, Form(ge=0, le=MAX_QUANTITY)],
) -> Response:
    """Set the quantity of a product in the cart."""
    if slug not in PRODUCTS:
        raise HTTPException(HTTP_404_NOT_FOUND, "We don't sell that.")
    put(request.session, PRODUCTS[slug], quantity=quantity)
    if quantity:
        request.state.sqreen.track(
            "cart.item_added",
            properties={"product": slug, "quantity": quantity},
        )
    return see("/cart")


@router.post("/coupon", dependencies=[OWN_FORM])
def apply_coupon(
    request: Request, database: ShopDatabase, *, customer: LoggedIn, code: Field
) -> Response:
    """Apply a coupon to the cart, or show that it is not valid."""
    code = code.strip().upper()
    reason = refusal(code, orders=len(orders_of(database, customer)))
    # sqreen.track() finds the current request and also accepts its options as one dict.
    if reason:
        sqreen.track(
            "coupon.rejected",
            {"properties": {"code": code, "reason": reason}},
        )
        request.session["notice"] = f"The coupon {code} is not valid for this order."
        return see("/cart")
    request.session["coupon"] = code
    discount = basket_in(request.session).discount / 100
    sqreen.track(
        "coupon.applied",
        {"properties": {"code": code, "discount": discount}},
    )
    return see("/cart")
