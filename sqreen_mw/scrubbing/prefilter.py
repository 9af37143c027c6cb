"""Quick checks for texts that can't contain a secret. Most texts need no other check."""

import re
from typing import Final, NamedTuple

_MARK: Final = re.compile(r"[=:%<>'\"\uff1a\uff1d\u2192 +\t\n\r\f\v\u00a0/]")
_SIGN: Final = re.compile(r"[=:%<>'\"\uff1a\uff1d\u2192]")
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
UUID_LENGTH: Final = 36
"""The length of a UUID's text."""


class Signals(NamedTuple):
    """The kinds of secrets that a text may contain.

    Attributes:
        words: Credentials and commands of several words.
        markup: Flags, elements, fields and pairs.
        urls: Paths or URLs.
        assignments: A name and a value.
        prose: A sentence about a value.
    """

    words: bool
    markup: bool
    urls: bool
    assignments: bool
    prose: bool


_NONE: Final = Signals(*[False] * 5)


def quick_signals(text: str) -> Signals:
    """Return the kinds of secrets that a text may contain. Most short texts contain none."""
    if not _MARK.search(text):
        return _NONE
    signs = _SIGN.search(text) is not None
    prose = " is" in text or " was" in text or " are" in text
    prose = prose or (signs and ("->" in text or "\u2192" in text))
    quotes = signs and ('"' in text or "'" in text or "<" in text)
    return Signals(
        words=True,
        markup=quotes or "--" in text or "value" in text,
        urls="/" in text,
        assignments=signs or prose,
        prose=prose,
    )


def is_uuid(text: str) -> bool:
    """Return whether a text of 36 characters is a UUID (RFC 9562)."""
    return _UUID.fullmatch(text) is not None
