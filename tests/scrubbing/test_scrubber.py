"""The whole scrubber: it masks secrets in values and never fails."""

from typing import Any

import pytest

from sqreen_mw.protocol.mask import MASK
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
        ({"session": "8f14e45fceea167a"}, {"session": MASK}),
        ({"session": ["8f14e45fceea167a"]}, {"session": MASK}),
        ({"session": "Opening keynote", "code": "SPRING2026"}, None),
        ({"name": "sid", "value": "8f14e45fceea167a"}, {"name": "sid", "value": MASK}),
        ({"name": "code", "value": "SPRING2026"}, None),
        ({"iban": "DE89370400440532013000"}, {"iban": MASK}),
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
def test_values_are_masked_by_key_and_by_format(value: Any, expected: Any) -> None:
    """A sensitive key masks all but truth values and None; other secrets are masked by format."""
    assert SCRUBBER.value(value) == (value if expected is None else expected)


def test_cycles_end() -> None:
    """A value that contains itself ends in masks."""
    value: dict[str, Any] = {"password": "hunter2"}
    value["self"] = value
    value["selves"] = [value] * 10

    scrubbed = SCRUBBER.value(value)

    assert scrubbed["self"]["self"]["password"] == MASK


def test_deep_values_are_masked() -> None:
    """A value deeper than Python's stack is masked below a level."""
    value: Any = "hunter2"
    for _ in range(100_000):
        value = [value]

    scrubbed = SCRUBBER.value(value)
    while isinstance(scrubbed, list):
        scrubbed = scrubbed[0]

    assert scrubbed == MASK


def test_large_lists_are_masked() -> None:
    """A list with more values than the limit is masked."""
    assert SCRUBBER.value([0] * 200_000) == MASK


def test_failing_values_are_masked() -> None:
    """A value whose methods raise is masked, and its neighbours are kept."""

    class Broken(dict[str, str]):
        def items(self) -> Any:
            raise RuntimeError

    assert SCRUBBER.value([Broken(a="b"), 1]) == [MASK, 1]


def test_configured_keys_replace_the_default_ones() -> None:
    """With configured keys, only these are sensitive, also as last words."""
    scrubber = Scrubber(keys=["shoe-size", "2fa", "value"])

    sensitive = {
        key
        for key in ("shoeSize", "newShoeSize", "2fa", "value", "password", "shoe_size_eu")
        if scrubber.is_sensitive(key)
    }

    assert sensitive == {"shoeSize", "newShoeSize", "2fa", "value"}


def test_configured_pattern_masks_its_matches() -> None:
    """The pattern is also applied to short texts."""
    scrubber = Scrubber(pattern=r"E-\d+")

    assert scrubber.value({"a": "E-1", "b": "no E-22 here"}) == {"a": MASK, "b": f"no {MASK} here"}


def test_wrong_pattern_names_the_setting() -> None:
    """An invalid regular expression raises an error with the setting."""
    with pytest.raises(ValueError, match="SQREEN_STRIP_SENSITIVE_REGEX"):
        Scrubber(pattern="(")


def test_null_scrubber_masks_nothing() -> None:
    """With scrubbing disabled, values are returned unchanged."""
    null = NullScrubber()

    assert null.value({"password": "x"}) == {"password": "x"}
    assert null.text(CARD) == CARD
    assert not null.is_sensitive("password")


def test_repeated_ambiguous_key_is_still_decided_by_its_value() -> None:
    """A harmless value of a key such as ``code`` does not make the key harmless."""
    scrubber = Scrubber()
    secret = "9f86d081884c7d659a2feaa0c55ad015"

    plain = [scrubber.value({"session": "morning"}) for _ in range(3)]
    masked = [scrubber.value({"session": secret}) for _ in range(2)]
    scrubber.text(secret)

    assert plain == [{"session": "morning"}] * 3
    assert masked == [{"session": MASK}] * 2
    assert scrubber.value({"session": secret}) == {"session": MASK}
