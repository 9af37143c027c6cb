"""Quick checks for texts that can't contain a secret. Most texts need no other check."""

import re
from typing import Final

_SIGN: Final = re.compile(r"[=:%<>'\"\uff1a\uff1d\u2192]")
_BLANK: Final = re.compile(r"[ +%(\t\n\r\f\v\u00a0]")
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
UUID_LENGTH: Final = 36
"""The length of a UUID's text."""

_TOKEN: Final = bytes(
    97 if bytes((byte,)).isalnum() or byte in b"_-+~$" else 32 for byte in range(256)
)
_LONG_PART: Final = b"a" * 16
# Base64 has slashes, and its letters change their case.
_BASE64: Final = bytes(
    97 if bytes((byte,)).isalnum() or byte in b"_-+~$/=." else 32 for byte in range(256)
)
_LONG_BASE64: Final = b"a" * 20
_CASES: Final = bytes(
    65 if bytes((byte,)).isupper() else 97 if bytes((byte,)).islower() else 32
    for byte in range(256)
)
_DIGITS: Final = b"0123456789"
_FEWEST_DIGITS: Final = 4
_FEWEST_OF_CARD: Final = 14
_WORD: Final = bytes(
    48 if byte in _DIGITS else 65 if bytes((byte,)).isalpha() else 32 for byte in range(256)
)


def may_hold_token(text: str, data: bytes) -> bool:
    """Return whether a text has a long part of a token, or the prefix of an unusual one."""
    # Tokens of Slack can be shorter; keys of Django contain any characters.
    if "xox" in text or "insecure-" in text:
        return True
    if _LONG_PART in data.translate(_TOKEN):
        return True
    if b"/" not in data or b"aA" not in data.translate(_CASES):
        return False
    return _LONG_BASE64 in data.translate(_BASE64)


def may_hold_number(text: str, data: bytes) -> bool:
    """Return whether a text has the digits of a card, or begins a word like an IBAN."""
    digits = len(data) - len(data.translate(None, _DIGITS))
    if digits >= _FEWEST_OF_CARD or not text.isascii():  # other scripts have their own digits
        return True
    if digits < _FEWEST_DIGITS:
        return False
    words = data.translate(_WORD)
    return words[:4] == b"AA00" or b" AA00" in words


def quick_signals(text: str) -> tuple[bool, bool, bool, bool]:
    """Return whether words, markup, assignments and sentences of a text may contain a secret."""
    words = _BLANK.search(text) is not None or "jdbc:" in text
    prose = words and (" is" in text or " was" in text or " are" in text)
    if not _SIGN.search(text):
        return words, words and ("--" in text or "value" in text), prose, prose
    prose = prose or "->" in text or "\u2192" in text
    quotes = '"' in text or "'" in text or "<" in text
    return words, quotes or "--" in text or "value" in text, True, prose


def is_uuid(text: str) -> bool:
    """Return whether a text of 36 characters is a UUID (RFC 9562)."""
    return _UUID.fullmatch(text) is not None
