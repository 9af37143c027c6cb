"""Masks card numbers (ISO 7812) and international bank account numbers (ISO 13616) in text."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from sqreen_mw.scrubbing.mask import mask_spans
from sqreen_mw.scrubbing.prefilter import IBAN_HEAD, WORD_SHAPE

# The brands' prefixes and lengths by the first digit. Numbers of 13 digits are no longer issued.
_BRANDS: Final = {
    "1": r"800\d{11}",  # JCB
    "2": r"(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|131\d{11}|20[0-5]\d{12,15}",  # JCB, Mir
    "3": r"[47]\d{13}|(?:0[0-5]|[689]\d)\d{11}(?:\d\d)?"  # American Express, Diners Club
    r"|5(?:2[89]|[3-8]\d)\d{12}",  # JCB
    "4": r"\d{15}(?:\d{3})?",  # Visa
    "5": r"[1-5]\d{14}|(?:018|020|038|893|612|610)\d{10,15}"  # Mastercard, Maestro
    r"|(?:08\d|0[67]\d|09\d|019|041)\d{12}",  # RuPay, Elo, Verve, Dankort
    "6": r"(?:011|4[4-9]\d|5\d\d|0[678]\d)\d{12}|2\d{14,17}"  # Discover, RuPay, UnionPay
    r"|(?:304|759|76[1-3]|703|706|709|771|799)\d{10,15}"  # Maestro
    r"|(?:277|36[23]|3[789]\d)\d{12}",  # national brands
    "8": r"600\d{12}",
    "9": r"(?:792|860)\d{12}",
}
_BRAND: Final = re.compile("|".join(rf"{first}(?:{rest})" for first, rest in _BRANDS.items()))
_BETWEEN: Final = r"(?:[ \-+._\u00a0\u2009\u2010-\u2013\u2212\u202f]{1,3}|%20)"
# Groups of 4-4-4-4 and similar, 4-6-5 and 4-6-4, but not amid more groups of four.
_GROUPED: Final = re.compile(
    r"[1-689](?<!\d.)(?:(?<!\d{4}[ -].)|(?!\d{3}(?:[ -]\d{4}){4}(?!\d)))"
    rf"(?=(\d{{3}}{_BETWEEN}(?:\d{{4}}{_BETWEEN}\d{{4}}{_BETWEEN}\d{{2,4}}(?!\d)"
    rf"(?:{_BETWEEN}\d{{1,3}}(?!\d))?|\d{{6}}{_BETWEEN}\d{{4,5}}(?!\d))))"
)
# Each digit alone; numbers of several digits may stand before and after.
_SPACED: Final = re.compile(
    r"[1-689](?<!\d.)(?<!(?<!\d)\d[ -].)(?=((?:[ -]\d){13,18})(?!\d|[ -]\d(?!\d)))"
)
_GROUP: Final = re.compile(r"\d+")
_FRACTION: Final = re.compile(r"\d\.\Z")
_PHONE: Final = re.compile(r"(?<![A-Za-z0-9])\+\Z")
_HEX: Final = re.compile(r"[0-9A-Fa-f-]{0,130}")
_DIGEST: Final = re.compile(
    r"(?=.*[A-Fa-f])(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}"
    r"|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"
)
_DOUBLED: Final = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_LONGEST_PHONE: Final = 15
_FEWEST_GROUPS: Final = 3

# The registry of ISO 13616: countries and the lengths of their numbers.
_COUNTRIES: Final = """\
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18
DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23
IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27
MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19
SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
_LENGTHS: Final = {entry[:2]: int(entry[2:]) for entry in _COUNTRIES.split()}
_REMAINDER: Final = 97
_LONGEST_IBAN: Final = 60

_DIGITS: Final = b"0123456789"
_FOREIGN_DIGIT: Final = re.compile(
    "[\u0660-\u0669\u06f0-\u06f9\u0966-\u0e59\u17e0-\u17e9\uff10-\uff19]"
)
_FEWEST_DIGITS: Final = 14
# Digits are 0, the characters between groups are -, and all others are blank.
_NUMBER: Final = bytes(
    48 if byte in _DIGITS else 45 if byte in b" +-.%_?" else 32 for byte in range(256)
)
_RUN_SHAPE: Final = b"0" * 14
_RUN: Final = re.compile(_RUN_SHAPE + rb"0*+")
_GROUP_SHAPE: Final = b"0000-"
_NEXT_GROUP: Final = b"-0000"
_GROUPS: Final = re.compile(_GROUP_SHAPE + rb"[0-]{9,}")
_SPACED_SHAPE: Final = b"-0" * 13
_LONGEST_CARD: Final = 19
_LONGEST_GROUPS: Final = 160
_EDGE: Final = 64


def mask_payment_numbers(text: str) -> str:
    """Return a text with each card number and each international account number masked."""
    plain = text
    if not text.isascii() and _FOREIGN_DIGIT.search(text):
        plain = "".join(str(int(char)) if char.isdecimal() else char for char in text)
    data = plain.encode("ascii", "replace")
    spans = [span for span in _ibans(plain, data) if _has_check_digits(plain[slice(*span)])]
    if len(data) - len(data.translate(None, _DIGITS)) >= _FEWEST_DIGITS:
        spans += _cards(plain, data)
    return mask_spans(text, sorted(spans)) if spans else text


def _cards(text: str, data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the positions of card numbers."""
    shape = data.translate(_NUMBER)
    spans: list[tuple[int, int]] = []
    if _RUN_SHAPE in shape:
        spans += _unbroken(text, shape)
    if _GROUP_SHAPE in shape and _NEXT_GROUP in shape:
        spans += _grouped(text, shape)
    if _SPACED_SHAPE in shape:
        spans += _spaced(text)
    for span in spans:
        if not _is_other(text, data, span):
            yield span


def _unbroken(text: str, shape: bytes) -> Iterator[tuple[int, int]]:
    for run in _RUN.finditer(shape):
        start, end = run.span()
        if end - start <= _LONGEST_CARD and is_card(text[start:end]):
            yield start, end


def _grouped(text: str, shape: bytes) -> Iterator[tuple[int, int]]:
    for first, last in _parts(shape):
        for match in _GROUPED.finditer(text, first, last):
            length = _card_length(match[0] + match[1])
            if length:
                yield match.start(), match.start() + length


def _parts(shape: bytes) -> Iterator[tuple[int, int]]:
    """Yield the positions of numbers in groups. Of a long table, only the ends are searched."""
    for groups in _GROUPS.finditer(shape):
        start, end = groups.span()
        if end - start <= _LONGEST_GROUPS:
            yield start, end
        else:
            yield start, start + _EDGE
            yield end - _EDGE, end


def _spaced(text: str) -> Iterator[tuple[int, int]]:
    for match in _SPACED.finditer(text):
        if is_card(match[0] + match[1][1::2]):
            yield match.start(), match.end(1)


def _card_length(number: str) -> int:
    """Return the length of the longest card that begins with the first group, or 0."""
    ends = [group.end() for group in _GROUP.finditer(number.replace("%20", "   "))]
    while len(ends) >= _FEWEST_GROUPS:
        digits = "".join(_GROUP.findall(number.replace("%20", "   ")[: ends[-1]]))
        if is_card(digits):
            return ends[-1]
        ends.pop()
    return 0


def is_card(digits: str) -> bool:
    """Return whether the whole number is a card number."""
    return _BRAND.fullmatch(digits) is not None and has_check_digit(digits)


def has_check_digit(digits: str) -> bool:
    """Return whether the last digit is a valid check digit (Luhn, ISO 7812-1 annex B)."""
    data = digits.encode()
    plain = data[-1::-2]
    return (sum(plain) - 48 * len(plain) + sum(data[-2::-2].translate(_DOUBLED))) % 10 == 0


def _is_other(text: str, data: bytes, span: tuple[int, int]) -> bool:
    """Return whether digits belong to a fraction, phone, account, UUID or digest."""
    start, end = span
    before = text[max(0, start - 2) : start]
    if _FRACTION.search(before) or (end - start <= _LONGEST_PHONE and _PHONE.search(before)):
        return True
    if _is_digest(text, start):
        return True
    first = max(0, start - _LONGEST_IBAN)
    accounts = _ibans(text[first : end + _LONGEST_IBAN], data[first : end + _LONGEST_IBAN])
    return any(begin < start - first < last for begin, last in accounts)


def _is_digest(text: str, start: int) -> bool:
    back = _HEX.match(text[max(0, start - 130) : start][::-1])
    token = _HEX.match(text, start - len(back[0]) if back else start)
    return token is not None and _DIGEST.fullmatch(token[0]) is not None


def _ibans(text: str, data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the positions of numbers with a country and its length, with or without spaces."""
    for head in IBAN_HEAD.finditer(b" " + data.translate(WORD_SHAPE)):
        start = head.start()
        length = _LENGTHS.get(text[start : start + 2].upper(), 0)
        number = _iban_of(length).match(text, start) if length else None
        if number is not None:
            yield number.span()


@lru_cache(maxsize=64)
def _iban_of(length: int) -> re.Pattern[str]:
    return re.compile(
        r"[A-Za-z0-9](?:(?:[ \-.+\u00a0\u2009\u202f]|%20)?[A-Za-z0-9])"
        rf"{{{length - 1}}}(?![A-Za-z0-9])"
    )


def _has_check_digits(number: str) -> bool:
    """Return whether a number has valid check digits (ISO 7064, MOD 97-10)."""
    plain = re.sub(r"%20|[^A-Za-z0-9]", "", number)
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % _REMAINDER == 1
