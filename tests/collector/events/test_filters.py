"""Test filters: their construction and their limits."""

from typing import Any

import pytest

from sqreen_mw.collector.events.base import EventQuery
from sqreen_mw.collector.events.filters import (
    MAX_DEPTH,
    MAX_NODES,
    MAX_VALUE_LENGTH,
    And,
    Comparison,
    Field,
    Filter,
    Not,
    Or,
    conjuncts,
)

PAID = Comparison(("event",), "=", "order.paid")
SHOP = Comparison(("app",), "=", "shop")


def nested(levels: int) -> Filter:
    """Return a filter with a number of levels."""
    tree: Filter = PAID
    for _ in range(levels - 1):
        tree = Not(tree)
    return tree


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), "=", "x"), "no field ''"),
        ((("colour",), "=", "x"), "no field 'colour'"),
        ((("properties",), "=", "x"), "no field 'properties'"),
        ((("app", "name"), "=", "x"), "no field 'app.name'"),
        ((("app",), "~", "x"), "no operator '~'"),
        ((("properties", "n"), "contains", 5), "needs text, not 5"),
        ((("properties", "n"), "=", True), "not True"),
        ((("properties", "n"), ">", False), "needs a number, not False"),
        ((("properties", "n"), "=", None), "not None"),
        ((("properties", "n"), "<", float("nan")), "nan is no number"),
        ((("properties", "n"), "=", float("-inf")), "inf is no number"),
        ((("properties", "n"), "=", 10**400), "too large"),
        ((("app",), "=", "cut \ud83d"), "surrogate"),
        ((("text",), "contains", "\udc00"), "surrogate"),
        ((("properties", "\ud83d"), "=", "x"), "surrogate"),
        ((("properties", "n"), "<", "5"), "needs a number, not '5'"),
        ((("app",), "=", "x" * (MAX_VALUE_LENGTH + 1)), "more than 1024 characters"),
        ((("ip",), "in", "203.0.113.300"), "203.0.113.300"),
    ],
)
def test_invalid_comparison_is_rejected(arguments: Any, message: str) -> None:
    """An unknown field or operator, or a value of the wrong kind, is a ValueError."""
    with pytest.raises(ValueError, match=message):
        Comparison(*arguments)


@pytest.mark.parametrize("field", [("ip",), ("request", "ip")])
@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:cb00:7107", "203.0.113.7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("203.0.113", "203.0.113"),
    ],
)
def test_address_becomes_canonical(field: Field, text: str, canonical: str) -> None:
    """Other spellings of an address are equal; other text is compared as it is."""
    assert Comparison(field, "=", text) == Comparison(field, "=", canonical)
    assert Comparison(("properties", "ip"), "=", text).value == text


def test_filter_size_is_limited() -> None:
    """A query accepts the maximum of levels and parts, and rejects more."""
    EventQuery(start=0, end=1, filter=nested(MAX_DEPTH))
    EventQuery(start=0, end=1, filter=Or((PAID,) * (MAX_NODES - 1)))

    with pytest.raises(ValueError, match="more than 20 levels"):
        EventQuery(start=0, end=1, filter=nested(MAX_DEPTH + 1))
    with pytest.raises(ValueError, match="more than 200 parts"):
        EventQuery(start=0, end=1, filter=Or((PAID,) * MAX_NODES))
    with pytest.raises(ValueError, match="more than 20 levels"):
        EventQuery(start=0, end=1, filter=nested(100_000))


def test_conjuncts_flatten_nested_and() -> None:
    """Nested And become one list; other filters stay whole."""
    either = Or((PAID, SHOP))

    assert list(conjuncts(And((PAID, And((SHOP, either)))))) == [PAID, SHOP, either]
    assert list(conjuncts(either)) == [either]
    assert list(conjuncts(And(()))) == []
