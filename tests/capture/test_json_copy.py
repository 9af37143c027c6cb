import copy
import json
from collections import UserString, deque
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from numbers import Integral
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.local import LocalProxy

from sqreen_mw.capture.json_copy import MAX_NODES, Copier, plain_json, safe_text
from sqreen_mw.capture.text import SCAN_LIMIT
from sqreen_mw.protocol.limits import MAX_PROPERTY_DEPTH, MAX_TEXT_LENGTH
from tests.support.cpu_time import CALLER_SECONDS, cpu_seconds
from tests.support.strategies import depth, json_values


class Colour(Enum):
    """A usual enumeration."""

    RED = "red"


class Level(IntEnum):
    """An enumeration of integers."""

    HIGH = 3


class Whole(int):
    """A subclass of int whose conversion fails."""

    def __int__(self) -> int:
        raise RuntimeError("no int")


class Measure(float):
    """A subclass of float, like numpy's float64."""


@Integral.register
class Count:
    """An integer of another library, like numpy's int64."""

    def __int__(self) -> int:
        return 4


class Silent:
    """An object without text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@given(json_values)
def test_json_values_are_copied_unchanged(value: Any) -> None:
    """JSON values within the limits are copied unchanged."""
    copier = Copier()

    assert copier.copy(value) == value
    assert not copier.truncated


@given(st.dictionaries(st.text(), st.lists(st.booleans())))
def test_later_changes_have_no_effect(value: dict[str, list[bool]]) -> None:
    """A copy shares no mutable object with the app."""
    before = copy.deepcopy(value)

    copied = Copier().copy(value)
    for items in value.values():
        items.append(True)
    value["late"] = []

    assert copied == before


@pytest.mark.parametrize(
    ("value", "copied"),
    [
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("1.50"), "1.50"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        ((1, "a"), [1, "a"]),
        ({1: True, None: 2}, {"1": True, "None": 2}),
        (frozenset({1}), [1]),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (2**63, "9223372036854775808"),
        (-(2**63), -(2**63)),
        (b"bytes", "b'bytes'"),
        ("\ud800", "?"),
        (Silent(), "<Silent without text>"),
        ([Silent(), 1], ["<Silent without text>", 1]),
        ({Silent(): 1}, {"<Silent without text>": 1}),
        (Whole(5), 5),
        (Whole(2**63), "9223372036854775808"),
        (Measure(1.5), 1.5),
        (Measure("nan"), "nan"),
        (Count(), 4),
        (Fraction(1, 3), "1/3"),
        (1j, "1j"),
        (deque([1, "a"]), [1, "a"]),
        (range(3), [0, 1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        ({"a": 1}.items(), [["a", 1]]),
        (UserString("x"), "x"),
        (bytearray(b"x"), "b'x'"),
        (memoryview(b"x"), "b'x'"),
        ({(1, "a"): 1}, {"[1, 'a']": 1}),
    ],
)
def test_other_values_become_json_values(value: object, copied: object) -> None:
    """Common types have their usual text; objects without text have their type."""
    assert Copier().copy(value) == copied


def test_proxy_without_object_has_its_type() -> None:
    """Flask's request raises outside a request, whatever is called."""
    copied = Copier().copy([LocalProxy({}.popitem)])

    assert copied == ["<LocalProxy without text>"]


def test_integer_too_long_to_print_has_its_type() -> None:
    """Python refuses the text of an integer of more than 4300 digits."""
    assert Copier().copy(10**5000) == "<int without text>"


@given(
    st.recursive(
        st.text(max_size=9) | st.floats() | st.integers(),
        lambda children: st.lists(children) | st.dictionaries(st.integers(), children),
    )
)
def test_any_nested_value_is_copied_within_limits(value: Any) -> None:
    """The copy of any value is JSON of limited depth."""
    copied = Copier().copy(value)

    json.dumps(copied, allow_nan=False)
    assert depth(copied) <= MAX_PROPERTY_DEPTH


def test_deep_and_cyclic_values_are_truncated() -> None:
    """A value that contains itself ends at the depth limit."""
    cycle: list[Any] = []
    cycle.append(cycle)
    copier = Copier()

    assert copier.copy(cycle) == [[[[["<nested too deep>"]]]]]
    assert copier.truncated


def test_long_text_is_marked() -> None:
    """Of a text that is too long, enough is kept to scrub it first."""
    copier = Copier()

    assert copier.copy("x" * (MAX_TEXT_LENGTH + 1)) == "x" * (MAX_TEXT_LENGTH + 1)
    assert copier.truncated
    assert copier.copy("x" * (SCAN_LIMIT + 1)) == "x" * SCAN_LIMIT


@pytest.mark.parametrize("value", [range(10**6), ["x" * 4000] * 10**5, {i: i for i in range(9999)}])
def test_large_values_are_truncated(value: Any) -> None:
    """Only the first items of a large value are kept."""
    copier = Copier()

    copied = copier.copy([*value] if isinstance(value, range) else value)

    assert len(copied) <= MAX_NODES
    assert copier.truncated


MANY = tuple(range(300_000))


@pytest.mark.parametrize(
    "value",
    [
        deque(MANY),
        dict.fromkeys(MANY).values(),
        MANY,
        range(10**9),
        b"x" * 4_000_000,
        "x" * 4_000_000,
        ((("x" * 4096,) * 100,) * 100,) * 100,
    ],
    ids=["deque", "view", "tuple", "range", "bytes", "text", "nested"],
)
@pytest.mark.parametrize("copy_", [Copier.copy, Copier.key, Copier.text])
def test_long_values_are_copied_quickly(value: Any, copy_: Callable[[Copier, Any], Any]) -> None:
    """A long value, key or identifier takes the caller less than 5 ms."""
    assert cpu_seconds(lambda: copy_(Copier(), value)) < CALLER_SECONDS


def test_text_of_a_long_container_is_shortened() -> None:
    """The text of a container ends with dots after its first items."""
    text = safe_text(MANY)

    assert text.startswith("[0, 1, 2,")
    assert text.endswith("...")


def test_size_grows_with_the_values() -> None:
    """The size counts the characters of texts and an amount for each value."""
    small, large = Copier(), Copier()
    small.copy("x")
    large.copy(["x" * 1000, "y" * 1000])

    assert 1 <= small.size < 200
    assert 2000 <= large.size < 2500


def test_plain_values_are_copied_up_to_the_event_limit() -> None:
    """Texts that fit only one by one are copied up to the size of an event."""
    values = {f"{number}": "x" * MAX_TEXT_LENGTH for number in range(17)}
    copier = Copier()

    assert plain_json(values) is None
    assert len(copier.copies(values.items())) == 16
    assert copier.truncated


def test_lone_surrogate_is_replaced_by_the_copier() -> None:
    """``plain_json`` returns None, so the copier replaces it."""
    assert plain_json({"a": "\ud800"}) is None
