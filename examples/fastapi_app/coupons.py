"""The shop's coupons and the rules for using them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """A reduction in percent."""

    percent: int
    first_order_only: bool = False
    expired: bool = False


COUPONS: Final = {
    "SPRING10": Coupon(percent=10),
    "WELCOME15": Coupon(percent=15, first_order_only=True),
    "SUMMER25": Coupon(percent=25, expired=True),
}


def refusal(code: str, *, orders: int) -> str | None:
    """Return why a customer with this number of orders can't use a code, or None if it is valid."""
    coupon = COUPONS.get(code)
    if coupon is None:
        return "unknown"
    if coupon.expired:
        return "expired"
    if coupon.first_order_only and orders:
        return "not_first_order"
    return None
