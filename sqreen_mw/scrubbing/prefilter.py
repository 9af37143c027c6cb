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
_BETWEEN: Final = b" +-.%_" + bytes(range(128, 256))
_FOREIGN_DIGIT: Final = re.compile(r"(?![0-9])\d")
_TOKEN: Final = bytes(
    97 if chr(byte).isascii() and (chr(byte).isalnum() or byte in b"_.+/=~$-") else 32
    for byte in range(256)
)
_NUMBER: Final = bytes(
    48 if byte in _DIGITS else 45 if byte in _BETWEEN else 32 for byte in range(256)
)
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
UUID_LENGTH: Final = 36
"""The length of a UUID's text."""

_FEWEST_DIGITS: Final = 12
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
    """Return whether a text has 12 digits in a row, in groups of four, or one by one."""
    if len(data) != len(text) and _FOREIGN_DIGIT.search(text):
        return True
    if len(data) - len(data.translate(None, _DIGITS)) < _FEWEST_DIGITS:
        return False
    shape = data.translate(_NUMBER)
    if b"0000" in shape:
        return b"000000000000" in shape or b"0000-" in shape
    return b"0-0-0-0-0-0-0-0-0-0-0-0" in shape


def is_uuid(text: str) -> bool:
    """Return whether a text of 36 characters is a UUID (RFC 9562)."""
    return _UUID.fullmatch(text) is not None
