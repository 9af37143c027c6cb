"""Quick checks for texts that can't contain a secret. Most texts need no other check."""

import re
from typing import Final

_SIGN: Final = re.compile(r"[=:%<>'\"\uff1a\uff1d\u2192]")
_SIGN_OR_BLANK: Final = re.compile(r"[=:%<>'\"\uff1a\uff1d\u2192 +\t\n\r\f\v\u00a0]")
_WORDS: Final[tuple[str, ...]] = (
    *("pass", "secret", "token", "key", "auth", "bearer", "basic", "pw", "sql", "redis-cli"),
    *("net user", "pin "),
)
_WORDS_BEFORE_SIGNS: Final[tuple[str, ...]] = (
    *_WORDS,
    *("curl", "sig", "private", "oracle", "@tcp(", "@unix(", "value"),
)
_DIGITS: Final = b"0123456789"
_BETWEEN: Final = b" +-.%_?"
_FOREIGN_DIGIT: Final = re.compile(
    "[\u0660-\u0669\u06f0-\u06f9\u0966-\u0e59\u17e0-\u17e9\uff10-\uff19]"
)
_TOKEN: Final = bytes(
    97 if chr(byte).isascii() and (chr(byte).isalnum() or byte in b"_.+/=~$-") else 32
    for byte in range(256)
)
_NUMBER: Final = bytes(
    48 if byte in _DIGITS else 45 if byte in _BETWEEN else 32 for byte in range(256)
)
_ACCOUNT: Final = bytes(
    48 if byte in _DIGITS else 65 if bytes((byte,)).isalpha() else 32 for byte in range(256)
)
_CARD: Final = re.compile(rb"0000-{1,3}(?:0000-{1,3}0000-{1,3}00|000000-{1,3}0000)|0(?:-0){13}")
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
UUID_LENGTH: Final = 36
"""The length of a UUID's text."""

_FEWEST_DIGITS: Final = 14
_LONG_TOKEN: Final = 20


def quick_signals(text: str) -> tuple[bool, bool, bool]:
    """Return three flags: words, assignments or sentences of a text may contain a secret."""
    if not _SIGN_OR_BLANK.search(text):
        return False, False, False
    signs = _SIGN.search(text) is not None
    prose = " is" in text or " was" in text or " are" in text
    words = _WORDS
    if signs:
        prose = prose or "->" in text or "\u2192" in text
        if '"' in text or "'" in text or "<" in text or ("://" in text and "@" in text):
            return True, True, prose
        words = _WORDS_BEFORE_SIGNS
    if "--" in text:
        return True, signs, prose
    lower = text.lower()
    for word in words:  # any() takes twice the time
        if word in lower:
            return True, signs, prose
    return False, signs, prose


def may_hold_token(text: str, data: bytes) -> bool:
    """Return whether a text has 20 token characters in a row, or the prefix of a short token."""
    # Tokens of Slack and Stripe can be shorter; keys of Django contain any characters.
    if "xox" in text or "k_" in text or "insecure-" in text:
        return True
    return len(data) >= _LONG_TOKEN and b"aaaaaaaaaaaaaaaaaaaa" in data.translate(_TOKEN)


def may_hold_card(text: str, data: bytes) -> bool:
    """Return whether a text has 14 digits in a row, in groups, or one by one."""
    if not text.isascii() and _FOREIGN_DIGIT.search(text):
        return True
    if len(data) - len(data.translate(None, _DIGITS)) < _FEWEST_DIGITS:
        return False
    shape = data.translate(_NUMBER)
    return b"00000000000000" in shape or _CARD.search(shape) is not None


def may_hold_iban(data: bytes) -> bool:
    """Return whether two letters and two digits begin a word."""
    shape = data.translate(_ACCOUNT)
    return shape.startswith(b"AA00") or b" AA00" in shape


def is_uuid(text: str) -> bool:
    """Return whether a text of 36 characters is a UUID (RFC 9562)."""
    return _UUID.fullmatch(text) is not None
