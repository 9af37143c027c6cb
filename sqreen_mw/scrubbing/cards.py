"""Card numbers in text: a known brand's prefix and length, and a right check digit (ISO 7812)."""

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from sqreen_mw.scrubbing.mask import MASK

_RUN: Final = re.compile(r"\d(?:(?:[ \-+\u00a0\u2009\u2010-\u2013\u202f]|%20){0,2}\d){11,}+")
_LIKELY: Final = re.compile(r"[0-9][0-9 +%-]{11}")
_FRACTION: Final = re.compile(r"\d\.\Z")
_GROUP: Final = re.compile(r"\d+")
_SIXTEEN: Final = (
    r"4\d{15}"  # Visa
    r"|5[1-5]\d{14}|(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12}"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|62\d{14}"  # UnionPay
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{12}"  # Maestro
    r"|3[47]\d{13}"  # American Express, of 15 digits
)
_BRANDS: Final = re.compile(
    _SIXTEEN + r"|4(?:\d{18}|\d{12})"  # Visa, long and old
    r"|3(?:0[0-5]|[689]\d)\d{11}|3095\d{10}"  # Diners Club
    r"|62\d{15,17}|220[0-5]\d{12,15}"  # UnionPay, Mir
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3]|6706|6771|6709)\d{8,15}"  # Maestro
    r"|(?:60[678]\d|508\d|8[12]\d\d|35[36]\d|5019|5041|506\d|507\d|509\d)\d{12}"  # RuPay, Elo
    r"|(?:6277|636[23]|63[789]\d|9792|8600|9860)\d{12}"  # national brands
)
_WHOLE: Final = re.compile(_SIXTEEN)
_INSIDE: Final = re.compile(f"(?=({_SIXTEEN}))")
_KNOWN: Final = re.compile(
    r"9[1-5]\d{20}"  # a parcel's number
    r"|1\d{15}|1[3-9]\d{17}"  # micro- and nanoseconds since the epoch, and ids that begin with time
    r"|20[0-4]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])(?:[0-5]\d){2}\d{0,6}"
)
_IBAN_HEAD: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\Z")
_IBAN_DIGITS: Final = (
    "AT18 BE14 CH19 CZ22 DE20 DK16 EE18 ES22 FI16 HR19 HU26 IS24 LT18 NO13 PL26 PT23 RS20 SE22 "
    "SI17 SK22 IL21 AE21 XK18 ME20 BA18 LI19 GR25"
)
_SHORTEST_GROUPED: Final = 14
_MANY: Final = 64
_LONGEST: Final = 19
_EAN: Final = 13
_PHONE: Final = 15
_DOUBLED: Final = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


def mask_cards(text: str) -> str:
    """Return a text with each card number masked, in groups or inside a longer number too."""
    if text.isascii() and not _LIKELY.search(text):
        return text
    return _RUN.sub(_mask_run, text)


def is_card(digits: str) -> bool:
    """Tell whether a number as a whole is a card number."""
    if not _BRANDS.fullmatch(digits) or not _checks(digits):
        return False
    return len(digits) != _EAN or not _is_article(digits)


def _mask_run(match: re.Match[str]) -> str:
    run = match[0]
    if _is_iban(match) or _FRACTION.search(match.string, max(0, match.start() - 2), match.start()):
        return run
    if not run.isascii():
        run = "".join(str(int(char)) if char.isdecimal() else char for char in run)
    phone = match.string[max(0, match.start() - 1) : match.start()] == "+"
    spans = list(_cards(run, shortest=_PHONE + 1 if phone else 0))
    return _masked(match[0], spans) if spans else match[0]


def _masked(text: str, spans: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in spans:
        parts += (text[done:start], MASK)
        done = end
    return "".join((*parts, text[done:]))


def _cards(run: str, *, shortest: int) -> Iterator[tuple[int, int]]:
    """Yield where the cards of a run of digits lie, from left to right."""
    groups = [match.span() for match in _GROUP.finditer(run.replace("%20", "   "))]
    if len(groups) > _MANY:
        yield from _among_many(run, groups)
        return
    index = 0
    while index < len(groups):
        count = _grouped(run, groups[index : index + _LONGEST], shortest)
        if count:
            yield groups[index][0], groups[index + count - 1][1]
        else:
            yield from _inside(run, *groups[index])
        index += count or 1


def _among_many(run: str, groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield where cards of 15 or 16 digits lie among so many groups that all lengths cost much."""
    digits = "".join(run[start:end] for start, end in groups)
    lengths = [end - start for start, end in groups]
    ends = dict(zip(accumulate(lengths), (end for _, end in groups), strict=True))
    done = 0
    for at, (start, end) in zip(accumulate(lengths, initial=0), groups, strict=False):
        match = _WHOLE.match(digits, at) if at >= done else None
        if match and match.end() in ends and _checks(match[0]):
            done = match.end()
            yield start, ends[done]
        elif at >= done:
            yield from _inside(run, start, end)


def _grouped(run: str, groups: list[tuple[int, int]], shortest: int) -> int:
    """Return how many of the groups, from the first, are one card number; 0 for none."""
    digits = ""
    for count, (start, end) in enumerate(groups, start=1):
        digits += run[start:end]
        if len(digits) > _LONGEST:
            break
        least = shortest if count == 1 else max(shortest, _SHORTEST_GROUPED)
        if len(digits) >= least and is_card(digits):
            return count
    return 0


def _inside(run: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where cards lie inside one number that is longer than a card."""
    if end - start < _PHONE + 1 or _KNOWN.fullmatch(run, start, end):
        return
    found: list[tuple[int, int]] = []
    for match in _INSIDE.finditer(run, start, end):
        first, last = match.span(1)
        if _checks(match[1]):
            # Numbers that overlap are masked as one: only one is meant, and it can't be told which.
            first = found.pop()[0] if found and first < found[-1][1] else first
            found.append((first, last))
    yield from found


def _checks(digits: str) -> bool:
    """Tell whether the last digit is the right one (Luhn, ISO 7812-1 annex B)."""
    data = digits.encode()
    plain = data[-1::-2]
    return (sum(plain) - 48 * len(plain) + sum(data[-2::-2].translate(_DOUBLED))) % 10 == 0


def _is_article(digits: str) -> bool:
    """Tell whether 13 digits are an article number, GTIN-13, by its check digit."""
    return (sum(map(int, digits[::2])) + 3 * sum(map(int, digits[1::2]))) % 10 == 0


def _is_iban(match: re.Match[str]) -> bool:
    """Tell whether digits are an IBAN's, by its country and the length there (ISO 13616)."""
    head = _IBAN_HEAD.search(match.string, max(0, match.start() - 3), match.start())
    digits = sum(map(str.isdecimal, match[0].replace("%20", " "))) if head else 0
    return head is not None and f"{head[0]}{digits}" in _IBAN_DIGITS
