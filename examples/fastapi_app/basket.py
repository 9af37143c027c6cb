"""A visitor's basket: stored in the session, with prices from the catalogue."""

from dataclasses import dataclass
from typing import Any, Final

from examples.fastapi_app.catalogue import PRODUCTS, Product
from examples.fastapi_app.coupons import COUPONS

MAX_QUANTITY: Final = 20
"""The largest quantity of one product."""


@dataclass(frozen=True, slots=True)
class Line:
    """A product with its quantity."""

    product: Product
    quantity: int

    @property
    def cents(self) -> int:
        """The price of the whole quantity."""
        return self.product.cents * self.quantity


@dataclass(frozen=True, slots=True)
class Basket:
    """The lines and the coupon of one visitor; all sums are in cents."""

    lines: tuple[Line, ...]
    coupon: str | None

    @property
    def items(self) -> int:
        """The total quantity of all lines."""
        return sum(line.quantity for line in self.lines)

    @property
    def subtotal(self) -> int:
        """The price before the coupon."""
        return sum(line.cents for line in self.lines)

    @property
    def discount(self) -> int:
        """The discount of the coupon."""
        return self.subtotal * COUPONS[self.coupon].percent // 100 if self.coupon else 0

    @property
    def total(self) -> int:
        """The price to pay."""
        return self.subtotal - self.discount


def basket_in(session: dict[str, Any]) -> Basket:
    """Read the basket of a session."""
    quantities = session.get("basket", {})
    lines = (Line(PRODUCTS[slug], quantity) for slug, quantity in quantities.items())
    return Basket(tuple(lines), session.get("coupon"))


def put(session: dict[str, Any], product: Product, *, quantity: int) -> None:
    """Set the quantity of a product in a session's basket; 0 removes it."""
    quantities = dict(session.get("basket", {}))
    quantities.pop(product.slug, None)
    if quantity > 0:
        quantities[product.slug] = min(quantity, MAX_QUANTITY)
    session["basket"] = quantities


def empty(session: dict[str, Any]) -> None:
    """Remove the basket and the coupon."""
    session.pop("basket", None)
    session.pop("coupon", None)
