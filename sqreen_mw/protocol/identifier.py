"""User identifiers in a canonical form, so that equal identifiers are equal strings."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final
from unicodedata import normalize

from sqreen_mw.protocol.limits import MAX_IDENTIFIER_LENGTH
from sqreen_mw.protocol.mask import MASK

CASE_INSENSITIVE: Final = frozenset({"email", "login", "username"})
"""The keys whose values are compared without case. OpenID's ``sub`` keeps its case."""

KEY_ORDER: Final = ("id", "user_id", "uid", "uuid", "sub", "username", "login", "email")
"""The keys that name a user best, the best one first."""

_LONGEST_BITS: Final = 1700
"""An integer with more bits has more than ``MAX_IDENTIFIER_LENGTH`` digits."""


def canonical_identifiers(
    identifiers: Mapping[str, str | int], *, case_insensitive: Collection[str] = CASE_INSENSITIVE
) -> Iterator[tuple[str, str]]:
    """Yield the canonical key and value of each identifier that has both.

    Keys are compared without case. A value is trimmed text in Unicode's form NFKC, and an integer
    is its decimal text: ``42``, ``"42"`` and ``" 42 "`` are equal. A value that is empty, masked or
    longer than ``MAX_IDENTIFIER_LENGTH`` identifies no user, and a key with ``=`` is refused.

    Args:
        identifiers: An event's ``user_identifiers``.
        case_insensitive: Canonical keys whose values are compared without case.
    """
    for key, value in identifiers.items():
        name = key.strip().casefold()
        text = _canonical_value(value, fold=name in case_insensitive)
        if name and "=" not in name and text is not None:
            yield name, text


def identifier_text(key: str, value: str) -> str:
    """Return the text ``key=value`` of a canonical identifier."""
    return f"{key}={value}"


def canonical_user(
    identifiers: Mapping[str, str | int],
    *,
    order: Sequence[str] = KEY_ORDER,
    case_insensitive: Collection[str] = CASE_INSENSITIVE,
) -> str | None:
    """Return the text ``key=value`` of the identifier that names a user best, or None.

    That is the first key of ``order`` that has a value, else the alphabetically first key.
    """
    known = dict(canonical_identifiers(identifiers, case_insensitive=case_insensitive))
    if not known:
        return None
    key = next((key for key in order if key in known), None) or min(known)
    return identifier_text(key, known[key])


def are_part_of(identifiers: Mapping[str, str | int], known: Mapping[str, str | int]) -> bool:
    """Return True if a known user has all these identifiers.

    An identifier without a canonical form must be equal as it is.
    """
    canonical = {*canonical_identifiers(known)}
    others = identifiers.items() - known.items()
    return all(canonical.intersection(canonical_identifiers(dict([pair]))) for pair in others)


def possible_values(text: str) -> tuple[str, ...]:
    """Return the canonical values that a text can have below any key: one, or two by case."""
    values = (_canonical_value(text, fold=fold) for fold in (False, True))
    return tuple(dict.fromkeys(value for value in values if value is not None))


def _canonical_value(value: str | int, *, fold: bool) -> str | None:
    if isinstance(value, int):
        if isinstance(value, bool) or value.bit_length() > _LONGEST_BITS:
            return None
        value = str(int(value))
    text = normalize("NFKC", value).strip()
    if MASK in text:
        return None
    if fold:
        text = _folded(text)
    return text if 0 < len(text) <= MAX_IDENTIFIER_LENGTH else None


def _folded(text: str) -> str:
    """Return the form that caseless matching compares (Unicode, section 3.13, D146)."""
    if text.isascii():
        return text.lower()
    once = normalize("NFKD", normalize("NFD", text).casefold())
    return normalize("NFKC", once.casefold()).strip()
