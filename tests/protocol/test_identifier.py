"""User identifiers are compared in one canonical form."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.protocol.identifier import (
    KEY_ORDER,
    are_part_of,
    canonical_identifiers,
    canonical_user,
    identifier_text,
    possible_values,
)
from sqreen_mw.protocol.limits import MAX_IDENTIFIER_LENGTH
from sqreen_mw.protocol.mask import MASK

VALUES = st.text(max_size=40) | st.integers()


def _canonical(key: str, value: str | int) -> str | None:
    found = [identifier_text(*pair) for pair in canonical_identifiers({key: value})]
    return found[0] if found else None


@pytest.mark.parametrize("value", [42, "42", " 42 ", "\u3000\uff14\uff12\t"])
def test_equal_numbers_are_equal_identifiers(value: str | int) -> None:
    """An integer equals its decimal text, with spaces or wide digits too."""
    assert _canonical("id", value) == "id=42"


@pytest.mark.parametrize("value", ["Bob@X.org", "bob@x.org", "BOB@X.ORG ", "\uff22ob@x.org"])
@pytest.mark.parametrize("key", ["email", "Email", " EMAIL "])
def test_email_has_no_case(key: str, value: str) -> None:
    """Keys, and the values of some of them, are compared without case."""
    assert _canonical(key, value) == "email=bob@x.org"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("id", "AbC"), ("id", "aBc")),
        (("sub", "x"), ("sub", "X")),
        (("id", "042"), ("id", 42)),
        (("id", 42), ("account", 42)),
        (("id", 1), ("id", -1)),
    ],
)
def test_other_values_differ(first: tuple[str, str | int], second: tuple[str, str | int]) -> None:
    """Ids keep their case, zeros before a number count, and the key belongs to the identifier."""
    assert _canonical(*first) != _canonical(*second)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", ""),
        ("id", " \u2003"),
        ("email", f"x {MASK}"),
        ("id", "x" * (MAX_IDENTIFIER_LENGTH + 1)),
        ("id", 10**MAX_IDENTIFIER_LENGTH),
        ("id", True),
        ("a=b", "c"),
        (" ", "c"),
    ],
)
def test_some_values_identify_no_user(key: str, value: str | int) -> None:
    """An empty, masked or long value, a boolean and a key with = are left out."""
    assert _canonical(key, value) is None


def test_long_values_are_kept_up_to_the_limit() -> None:
    """The limit counts characters after trimming."""
    text = "x" * MAX_IDENTIFIER_LENGTH
    assert _canonical("id", f" {text} ") == f"id={text}"
    digits = 10 ** (MAX_IDENTIFIER_LENGTH - 1)
    assert _canonical("id", digits) == f"id={digits}"


def test_case_of_an_app_can_be_set() -> None:
    """An app can choose the keys without case."""
    pairs = canonical_identifiers({"email": "A", "sub": "B"}, case_insensitive={"sub"})
    assert list(pairs) == [("email", "A"), ("sub", "b")]


@pytest.mark.parametrize(
    ("identifiers", "expected"),
    [
        ({"email": "Bob@x.org", "id": 7}, "id=7"),
        ({"email": "Bob@x.org", "Sub": "S"}, "sub=S"),
        ({"team": "t", "account": "a"}, "account=a"),
        ({"id": MASK, "login": "Bob"}, "login=bob"),
        ({"id": " "}, None),
        ({}, None),
    ],
)
def test_user_is_the_best_identifier(
    identifiers: dict[str, str | int], expected: str | None
) -> None:
    """The first key of the order that has a value names the user, else the first by alphabet."""
    assert canonical_user(identifiers) == expected


@pytest.mark.parametrize(
    ("identifiers", "expected"),
    [
        ({}, True),
        ({"id": "7"}, True),
        ({"ID": 7, "email": "BOB@x.org"}, True),
        ({"a=b": "c"}, True),
        ({"a=b": "C"}, False),
        ({"id": 8}, False),
        ({"login": "bob@x.org"}, False),
        ({"id": 7, "phone": ""}, False),
        ({"id": MASK}, False),
    ],
)
def test_known_user_has_equal_identifiers(
    identifiers: dict[str, str | int], *, expected: bool
) -> None:
    """Each identifier must be one of the user, also those without a canonical form."""
    known: dict[str, str | int] = {"id": 7, "email": "Bob@x.org", "a=b": "c"}
    assert are_part_of(identifiers, known) is expected


@given(st.text(max_size=20), VALUES)
def test_canonical_form_is_stable(key: str, value: str | int) -> None:
    """The canonical form of a canonical identifier is itself."""
    for pair in canonical_identifiers({key: value}):
        assert list(canonical_identifiers(dict([pair]))) == [pair]


@given(st.sampled_from(KEY_ORDER), VALUES)
def test_search_finds_each_stored_value(key: str, value: str | int) -> None:
    """The text of a value leads to the value that is stored, below any key."""
    for _, stored in canonical_identifiers({key: value}):
        assert stored in possible_values(str(value))


@pytest.mark.parametrize(
    ("first", "second"),
    [("STRASSE", "straße"), ("ΣΑΣ", "σας"), ("\u212bngström", "ångström"), ("ﬁsh", "FISH")],
)
def test_case_follows_unicode(first: str, second: str) -> None:
    """Caseless values are compared as Unicode defines it."""
    assert _canonical("email", first) == _canonical("email", second)


@given(st.text(max_size=20))
def test_folded_text_is_the_same_user(text: str) -> None:
    """Folding the case of a caseless value changes nothing."""
    folded = normalize("NFKD", text).casefold()
    assert _canonical("email", text) == _canonical("email", folded)


def test_huge_integer_identifies_no_user() -> None:
    """An integer that Python refuses to print is left out."""
    assert _canonical("id", 1 << 100_000) is None
