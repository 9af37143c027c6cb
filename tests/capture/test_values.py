import copy
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.capture.text import LOOKED_AT
from sqreen_mw.capture.values import MAX_NODES, Copier
from sqreen_mw.protocol.limits import MAX_PROPERTY_DEPTH, MAX_TEXT_LENGTH
from tests.strategies import depth, json_values


class Colour(Enum):
    """An enumeration as apps have them."""

    RED = "red"


class Level(IntEnum):
    """An enumeration that is an int as well."""

    HIGH = 3


class Silent:
    """An object that has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@given(json_values)
def test_json_values_are_copied_as_they_are(value: Any) -> None:
    """What JSON can say within the limits is copied unchanged."""
    copier = Copier()

    assert copier.copy(value) == value
    assert not copier.truncated


@given(st.dictionaries(st.text(), st.lists(st.booleans())))
def test_later_changes_do_not_show(value: dict[str, list[bool]]) -> None:
    """A copy shares nothing that can change with the app's object."""
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
    ],
)
def test_other_values_become_what_json_can_say(value: object, copied: object) -> None:
    """Common types have their usual text, and what has none says so."""
    assert Copier().copy(value) == copied


def test_an_integer_too_long_to_print_says_so() -> None:
    """Python refuses the text of an integer of more than 4300 digits."""
    assert Copier().copy(10**5000) == "<int without text>"


@given(
    st.recursive(
        st.text(max_size=9) | st.floats() | st.integers(),
        lambda children: st.lists(children) | st.dictionaries(st.integers(), children),
    )
)
def test_any_nested_value_ends_within_bounds(value: Any) -> None:
    """Whatever the nesting, the copy is JSON of bounded depth."""
    copied = Copier().copy(value)

    json.dumps(copied, allow_nan=False)
    assert depth(copied) <= MAX_PROPERTY_DEPTH


def test_deep_and_cyclic_values_are_cut_and_marked() -> None:
    """A value that holds itself ends at the depth limit."""
    cycle: list[Any] = []
    cycle.append(cycle)
    copier = Copier()

    assert copier.copy(cycle) == [[[[["<nested too deep>"]]]]]
    assert copier.truncated


def test_long_text_is_marked() -> None:
    """Of a text that is to be cut, enough is kept to be scrubbed before."""
    copier = Copier()

    assert copier.copy("x" * (MAX_TEXT_LENGTH + 1)) == "x" * (MAX_TEXT_LENGTH + 1)
    assert copier.truncated
    assert copier.copy("x" * (LOOKED_AT + 1)) == "x" * LOOKED_AT


@pytest.mark.parametrize("value", [range(10**6), ["x" * 4000] * 10**5, {i: i for i in range(9999)}])
def test_wide_values_are_cut_and_marked(value: Any) -> None:
    """A value of very many parts keeps the first ones."""
    copier = Copier()

    copied = copier.copy([*value] if isinstance(value, range) else value)

    assert len(copied) <= MAX_NODES
    assert copier.truncated


def test_size_follows_what_is_held() -> None:
    """The size counts the characters of texts and something for each value."""
    small, large = Copier(), Copier()
    small.copy("x")
    large.copy(["x" * 1000, "y" * 1000])

    assert 1 <= small.size < 200
    assert 2000 <= large.size < 2500
