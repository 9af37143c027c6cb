"""Masks card numbers in text: without spaces, in groups, or inside a longer number."""

import re
from collections.abc import Iterator
from typing import Final

from sqreen_mw.scrubbing.account_numbers import is_account_number
from sqreen_mw.scrubbing.card_numbers import COMMON, DOCUMENTED, has_check_digit, is_card
from sqreen_mw.scrubbing.mask import MASK

_BETWEEN: Final = r"(?:[ \-+._\u00a0\u2009\u2010-\u2013\u2212\u202f]{1,3}|%20)"
_CANDIDATE: Final = re.compile(
    r"\d{12,}+"
    # Groups of 4-4-4-4 and similar, 4-6-5, 4-6-4 and 4-3-3-3.
    rf"|(?<!\d)\d{{4}}{_BETWEEN}(?:\d{{4}}{_BETWEEN}\d{{4}}(?:{_BETWEEN}\d{{2,4}}(?!\d))?"
    rf"(?:{_BETWEEN}\d{{1,3}}(?!\d))?|\d{{6}}{_BETWEEN}\d{{4,5}}|\d{{3}}(?:{_BETWEEN}\d{{3}}){{2}})"
    r"(?!\d)"
    # Each digit alone; numbers of several digits may stand before and after.
    r"|(?<!(?<!\d)\d[ -])(?<!\d)\d(?:[ -]\d){11,18}(?!\d|[ -]\d(?!\d))"
)
_GROUP: Final = re.compile(r"\d+")
_INSIDE: Final = re.compile(f"(?=({COMMON}))")
# Digits around a card in a longer number: padding, a length, an expiry date, a code.
_PADDING: Final = r"0*|(?:(\d)\1+)|12(?:3(?:4(?:56?)?)?)?"
_BEFORE: Final = re.compile(_PADDING)
_AFTER: Final = re.compile(
    _PADDING
    + r"|(?:(?:0[1-9]|1[0-2])(?:20)?(?:2[2-9]|3\d)|(?:2[2-9]|3\d)(?:0[1-9]|1[0-2]))\d{0,16}"
)
_FRACTION: Final = re.compile(r"\d\.\Z")
_PHONE: Final = re.compile(r"(?<![A-Za-z0-9])\+\Z")
_HEX: Final = re.compile(r"[0-9A-Fa-f-]{0,130}")
_DIGEST: Final = re.compile(
    r"(?=.*[A-Fa-f])(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}"
    r"|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"
)
_GROUP_LENGTH: Final = 4
_FEWEST_GROUPS: Final = 3
_LONGEST_PHONE: Final = 15
_LONGEST: Final = 19
_LONGEST_PADDED: Final = 48


def mask_cards(text: str) -> str:
    """Return a text with each card number masked."""
    plain = text
    if not text.isascii():
        plain = "".join(str(int(char)) if char.isdecimal() else char for char in text)
    parts: list[str] = []
    done = 0
    for start, end in _cards(plain):
        parts += (text[done:start], MASK)
        done = end
    return "".join((*parts, text[done:])) if parts else text


def _cards(text: str) -> Iterator[tuple[int, int]]:
    """Yield the positions of card numbers from left to right."""
    position = 0
    while match := _CANDIDATE.search(text, position):
        number, begin = match[0], match.start()
        found = (
            _in_one(number)
            if number.isdecimal()
            else _in_groups(number.replace("%20", "   ") if "%" in number else number)
        )
        spans = [(begin + start, begin + end) for start, end in found]
        yield from (span for span in spans if not _is_other(text, *span))
        position = spans[-1][1] if spans else begin + _first_group(number)


def _first_group(number: str) -> int:
    """Return the end of the first group, or of the number if it has no groups."""
    if number.isdecimal():
        return len(number)
    return _GROUP_LENGTH if number[:_GROUP_LENGTH].isdecimal() else 1


def _in_groups(number: str) -> list[tuple[int, int]]:
    """Return the position of the longest card that begins with the first group."""
    groups = _GROUP.findall(number)
    # Only Maestro has numbers of three groups of four.
    fewest = _FEWEST_GROUPS + (number[0] not in "56" and len(groups) > _FEWEST_GROUPS)
    while len(groups) >= fewest:
        digits = "".join(groups)
        if has_check_digit(digits) and is_card(digits):
            return [(0, _end(number, len(groups)))]
        groups.pop()
    return []


def _end(number: str, count: int) -> int:
    """Return the end of a group, counted from 1."""
    return [group.end() for group in _GROUP.finditer(number)][count - 1]


def _in_one(digits: str) -> list[tuple[int, int]]:
    """Return the positions of cards in digits without spaces."""
    if len(digits) <= _LONGEST and is_card(digits):
        return [(0, len(digits))]
    if documented := [match.span() for match in DOCUMENTED.finditer(digits)]:
        return documented
    padded = _INSIDE.finditer(digits) if len(digits) <= _LONGEST_PADDED else ()
    return [match.span(1) for match in padded if _is_padded(digits, *match.span(1))][:1]


def _is_padded(digits: str, start: int, end: int) -> bool:
    """Return whether digits are a card and the digits around it are padding."""
    before, card = digits[:start], digits[start:end]
    if not has_check_digit(card) or not (before == str(len(card)) or _BEFORE.fullmatch(before)):
        return False
    return _AFTER.fullmatch(digits, end) is not None


def _is_other(text: str, start: int, end: int) -> bool:
    """Return whether digits belong to a fraction, phone, account, UUID or digest."""
    before = text[max(0, start - 2) : start]
    if _FRACTION.search(before) or (end - start <= _LONGEST_PHONE and _PHONE.search(before)):
        return True
    return _is_digest(text, start) or is_account_number(text, start)


def _is_digest(text: str, start: int) -> bool:
    back = _HEX.match(text[max(0, start - 130) : start][::-1])
    token = _HEX.match(text, start - len(back[0]) if back else start)
    return token is not None and _DIGEST.fullmatch(token[0]) is not None
