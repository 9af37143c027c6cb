"""The orders of customers."""

from dataclasses import dataclass

from examples.fastapi_app.basket import Basket
from examples.fastapi_app.customers import Customer
from examples.fastapi_app.database import Database


@dataclass(frozen=True, slots=True)
class Order:
    """A paid basket. ``placed_at`` is text in UTC."""

    id: int
    cents: int
    items: int
    coupon: str | None
    placed_at: str


def orders_of(database: Database, customer: Customer) -> tuple[Order, ...]:
    """Return a customer's orders, newest first."""
    with database.transaction() as connection:
        rows = connection.execute(
            "SELECT id, cents, items, coupon, placed_at FROM orders"
            " WHERE customer = ? ORDER BY id DESC",
            (customer.id,),
        ).fetchall()
    return tuple(Order(*row) for row in rows)


def place_order(database: Database, customer: Customer, basket: Basket) -> int:
    """Store a paid basket as an order and return the order's number."""
    with database.transaction() as connection:
        row = connection.execute(
            "INSERT INTO orders (customer, cents, items, coupon) VALUES (?, ?, ?, ?) RETURNING id",
            (customer.id, basket.total, basket.items, basket.coupon),
        ).fetchone()
    number: int = row["id"]
    return number
