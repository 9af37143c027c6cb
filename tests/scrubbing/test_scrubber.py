"""The scrubber as a whole: what it masks in values, and that nothing makes it fail."""

from typing import Any

import pytest

from sqreen_mw.scrubbing.mask import MASK
from sqreen_mw.scrubbing.scrubber import NullScrubber, Scrubber

SCRUBBER = Scrubber()
CARD = "4111111111111111"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"password": "hunter2"}, {"password": MASK}),
        ({"password": 12345}, {"password": MASK}),
        ({"password": b"hunter2"}, {"password": MASK}),
        ({"password": {"old": "a", "new": "b"}}, {"password": MASK}),
        ({"password": ["a", "b"]}, {"password": MASK}),
        ({"password": True, "token": None}, {"password": True, "token": None}),
        ({"a": [{"b": ({"apiKey": "x"},)}]}, {"a": [{"b": ({"apiKey": MASK},)}]}),
        ({"name": "password", "value": "hunter2"}, {"name": "password", "value": MASK}),
        ({"name": "password", "value": None}, {"name": "password", "value": None}),
        ({b"password": "hunter2"}, {b"password": MASK}),
        ({f"paid with {CARD}": 1}, {f"paid with {MASK}": 1}),
        ({int(CARD): 1}, {MASK: 1}),
        ([int(CARD), float(CARD), 12], [MASK, MASK, 12]),
        (f"paid with {CARD}".encode(), f"paid with {MASK}".encode()),
        (b"\xff\xfe caf\xe9", b"\xff\xfe caf\xe9"),
        ({"a": object()}, {"a": MASK}),
        ([10**5000, 10**30, -5], [10**5000, 10**30, -5]),
    ],
)
def test_values_are_masked_by_key_and_by_form(value: Any, expected: Any) -> None:
    """A sensitive key masks all but truth values and None; text, bytes and numbers by form."""
    assert SCRUBBER.value(value) == expected


def test_cycles_end() -> None:
    """A value that holds itself, once or many times, ends in masks."""
    value: dict[str, Any] = {"password": "hunter2"}
    value["self"] = value
    value["selves"] = [value] * 10

    scrubbed = SCRUBBER.value(value)

    assert scrubbed["self"]["self"]["password"] == MASK


def test_depth_ends() -> None:
    """A value far deeper than Python's stack is masked from some level on."""
    value: Any = "hunter2"
    for _ in range(100_000):
        value = [value]

    scrubbed = SCRUBBER.value(value)
    while isinstance(scrubbed, list):
        scrubbed = scrubbed[0]

    assert scrubbed == MASK


def test_width_ends() -> None:
    """A list of more values than are walked is masked whole."""
    assert SCRUBBER.value([0] * 200_000) == MASK


def test_what_fails_is_masked() -> None:
    """A value whose own methods raise is masked, and what lies beside it is kept."""

    class Broken(dict[str, str]):
        def items(self) -> Any:
            raise RuntimeError

    assert SCRUBBER.value([Broken(a="b"), 1]) == [MASK, 1]


def test_configured_keys_replace_the_default_ones() -> None:
    """With keys of one's own only these are sensitive, by their last words too."""
    scrubber = Scrubber(keys=["shoe-size", "2fa", "value"])

    sensitive = {
        key
        for key in ("shoeSize", "newShoeSize", "2fa", "value", "password", "shoe_size_eu")
        if scrubber.is_sensitive(key)
    }

    assert sensitive == {"shoeSize", "newShoeSize", "2fa", "value"}


def test_a_configured_pattern_masks_its_matches() -> None:
    """One more pattern masks what it matches, in short text too."""
    scrubber = Scrubber(pattern=r"E-\d+")

    assert scrubber.value({"a": "E-1", "b": "no E-22 here"}) == {"a": MASK, "b": f"no {MASK} here"}


def test_a_wrong_pattern_is_told() -> None:
    """A pattern that is no regular expression raises an error that names the setting."""
    with pytest.raises(ValueError, match="SQREEN_STRIP_SENSITIVE_REGEX"):
        Scrubber(pattern="(")


def test_the_null_scrubber_leaves_everything() -> None:
    """Where scrubbing is off, values pass as they are."""
    null = NullScrubber()

    assert null.value({"password": "x"}) == {"password": "x"}
    assert null.text(CARD) == CARD
    assert not null.is_sensitive("password")
