"""Quick checks for texts that can't contain a secret. Most texts need no other check."""

import re
from typing import Final

_SIGNS_OF_NAMES: Final = ("=", ":", "%", "\uff1a", "\uff1d")
_OTHER_SIGNS: Final = ("<", ">", "'", '"', "\u2192")
_BLANKS: Final = (" ", "\n", "+", "%", "(", "\t", "\r", "\f", "\v", "\u00a0")
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
UUID_LENGTH: Final = 36
"""The length of a UUID's text."""

_TOKEN: Final = bytes(
    97 if bytes((byte,)).isalnum() or byte in b"_-+~$" else 32 for byte in range(256)
)
_SIGNS: Final = b"0123456789_-+~$/=."
_LONG_PART: Final = b"a" * 16
# Small letters are a, capital ones are A, other characters of Base64 stay, and the rest is blank.
_CASES: Final = bytes(
    ord(b"A")
    if bytes((byte,)).isupper()
    else ord(b"a")
    if bytes((byte,)).islower()
    else byte
    if byte in _SIGNS
    else 32
    for byte in range(256)
)
# Hexadecimal digits are h, other characters of a token a, and those between its parts a dot.
_KINDS: Final = bytes(
    104
    if byte in b"0123456789abcdefABCDEF"
    else 46
    if byte in b"./="
    else byte
    if byte == ord("-")
    else _TOKEN[byte]
    for byte in range(256)
)
_UUID_WORD: Final = b" hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh "
_NO_WORD: Final = b" " * len(_UUID_WORD)
_PARTS: Final = bytes.maketrans(b"h-.", b"aa ")
_WORDS: Final = bytes.maketrans(b"h-.", b"aaa")
_LONG_BASE64: Final = 20
_DIGITS: Final = b"0123456789"
_FEWEST_DIGITS: Final = 4
_FEWEST_OF_CARD: Final = 14
WORD_SHAPE: Final = bytes(
    48 if byte in _DIGITS else 65 if bytes((byte,)).isalpha() else 32 for byte in range(256)
)
"""Letters are A, digits are 0, and all others are blank."""

IBAN_HEAD: Final = re.compile(rb" AA00")  # bytes.find takes twice the time
"""The shape of a country and two check digits at the beginning of a word."""


def may_hold_token(text: str, data: bytes) -> bool:
    """Return whether a text has a long part of a token, or the prefix of an unusual one."""
    # Tokens of Slack can be shorter, webhooks have slashes, keys of Django have any characters.
    if "xox" in text or "insecure-" in text or "hook" in text:
        return True
    if _LONG_PART in data.translate(_TOKEN) and _LONG_PART in _kinds(data).translate(_PARTS):
        return True
    return b"/" in data and _may_hold_base64(data.translate(_CASES) + b" ")


def words_of_tokens(data: bytes) -> bytes:
    """Return a text in which each word that may be a token is a row of a, and the rest is blank.

    A word that is a UUID is blank.
    """
    return _kinds(data).translate(_WORDS)


def _kinds(data: bytes) -> bytes:
    """Return the kinds of a text's characters. Those of a word that is a UUID are blank."""
    kinds = data.translate(_KINDS)
    if b"-" in data:
        framed = b" " + kinds + b" "
        for _ in range(2):  # two UUIDs share the blank between them
            framed = framed.replace(_UUID_WORD, _NO_WORD)
        kinds = framed[1:-1]
    return kinds


def _may_hold_base64(cases: bytes) -> bool:
    """Return whether a long word has a slash, and a capital letter after a small one."""
    place = cases.find(b"aA")
    while place >= 0:
        start, end = cases.rfind(b" ", 0, place) + 1, cases.find(b" ", place)
        if end - start >= _LONG_BASE64 and b"/" in cases[start:end]:
            return True
        place = cases.find(b"aA", end)
    return False


def may_hold_number(text: str, data: bytes) -> bool:
    """Return whether a text has the digits of a card, or begins a word like an IBAN."""
    digits = len(data) - len(data.translate(None, _DIGITS))
    if digits >= _FEWEST_OF_CARD or not text.isascii():  # other scripts have their own digits
        return True
    if digits < _FEWEST_DIGITS:
        return False
    return IBAN_HEAD.search(b" " + data.translate(WORD_SHAPE)) is not None


def quick_signals(text: str) -> tuple[bool, bool, bool, bool]:
    """Return whether words, markup, assignments and sentences of a text may contain a secret."""
    words = _has_any(text, _BLANKS) or "jdbc:" in text
    prose = words and (" is" in text or " was" in text or " are" in text)
    if not has_sign(text) and not _has_any(text, _OTHER_SIGNS):
        return words, words and ("--" in text or "value" in text), prose, prose
    prose = prose or "->" in text or "\u2192" in text
    quotes = '"' in text or "'" in text or "<" in text
    return words, quotes or "--" in text or "value" in text, True, prose


def has_sign(text: str) -> bool:
    """Return whether a sign that can follow a name is in a text."""
    return _has_any(text, _SIGNS_OF_NAMES)


def _has_any(text: str, characters: tuple[str, ...]) -> bool:
    # Several searches for one character take a tenth of the time of a pattern.
    return any(map(text.__contains__, characters))


def is_uuid(text: str) -> bool:
    """Return whether a text of 36 characters is a UUID (RFC 9562)."""
    return _UUID.fullmatch(text) is not None
