"""Properties of any value: no planted secret survives, and nothing else changes."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.scrubber import Scrubber
from tests.scrubbing.corpus import secrets

SCRUBBER = Scrubber()
# Secrets with a known format, which need no name.
FORMS = sorted({row.secret for row in secrets() if row.value == row.secret})
KEYS = ["password", "userToken", "x-api-key", "new_password2", "пароль", "secret", "Passwort"]

words = st.sampled_from(["", "red shoes", "2026-07-31", "SPRING", "x", "42", "a@example.com"])
plain = words | st.integers(-(10**10), 10**10) | st.booleans() | st.none() | st.floats(-9, 9)
names = st.sampled_from(["a", "items", "name", "note", "token_count", "größe", "value"])
clean = st.recursive(
    plain,
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(names, children, max_size=3)
        | st.tuples(children, children)
    ),
    max_leaves=10,
)
separators = st.sampled_from([" ", "\n", "/", '"', ",", "(", "<", "\t", ": ", "', '"])


@st.composite
def texts_with(draw: st.DrawFn, secret: str) -> str:
    """Return a text with the secret between other words."""
    before, after = draw(words), draw(words)
    return f"{before}{draw(separators)}{secret}{draw(separators)}{after}"


@st.composite
def planted(draw: st.DrawFn) -> tuple[str, Any]:
    """Return a secret, and a value that contains it in text, bytes, a key or under a key."""
    secret = draw(st.sampled_from(FORMS))
    text = draw(texts_with(secret))
    value: Any = draw(
        st.sampled_from([text, text.encode(), {text: 1}, {text.encode(): 1}, {"a": secret}])
        | st.sampled_from(KEYS).map(lambda key: {key: [secret]})
    )
    for _ in range(draw(st.integers(0, 6))):
        value = draw(
            st.sampled_from(
                [[value], (draw(clean), value), {draw(names): value}, [draw(clean), value]]
            )
        )
    return secret, value


@given(planted())
def test_no_planted_secret_survives(case: tuple[str, Any]) -> None:
    """A secret is masked at any place of a value, and the value itself does not change."""
    secret, value = case
    before = copy.deepcopy(value)

    scrubbed = SCRUBBER.value(value)

    assert secret not in _flat(scrubbed)
    assert MASK in _flat(scrubbed)
    assert value == before


@given(st.sampled_from(KEYS), st.text(min_size=1) | st.integers() | st.binary(), names)
def test_values_of_sensitive_keys_are_masked(key: str, secret: Any, name: str) -> None:
    """All values under a sensitive key are masked."""
    assert SCRUBBER.value([{name: {key: secret}}]) == [{name: {key: MASK}}]


@given(clean)
def test_clean_values_are_unchanged(value: Any) -> None:
    """A value without secrets is returned as an equal copy."""
    assert SCRUBBER.value(value) == value


@given(st.text())
def test_any_text_can_be_scrubbed(text: str) -> None:
    """Scrubbing never fails, and a second time changes nothing."""
    once = SCRUBBER.text(text)

    assert SCRUBBER.text(once) == once


@given(st.binary())
def test_bytes_are_unchanged(data: bytes) -> None:
    """Bytes stay bytes, also if they are not UTF-8."""
    scrubbed = SCRUBBER.value(data)

    assert scrubbed == data or MASK.encode() in scrubbed


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{_flat(key)} {_flat(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_flat, value))
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
