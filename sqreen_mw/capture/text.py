"""Shortens texts after scrubbing them, and makes them valid UTF-8."""

from collections.abc import Callable
from typing import Any, Final

from sqreen_mw.protocol.limits import MAX_PROPERTY_NAME_LENGTH

SCAN_LIMIT: Final = 16 * 1024
"""Only the first characters of a text are scrubbed; at most a quarter of them are kept."""

SCAN_MARGIN: Final = 8 * 1024
"""Trailing characters dropped from a truncated text, because a secret may be cut in half there.

Longer than any known secret.
"""


def clean_text(text: str) -> str:
    """Return the text with lone surrogates, which are not valid UTF-8, replaced by ``?``."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def truncate(text: str, limit: int, scrub: Callable[[str], str]) -> str:
    """Return the first characters of a text.

    The text is scrubbed first, because a pattern does not recognize half of a secret.
    """
    scrubbed = scrub(text[:SCAN_LIMIT])
    if len(text) >= SCAN_LIMIT:
        scrubbed = scrubbed[:-SCAN_MARGIN]
    return clean_text(scrubbed[:limit])


def truncate_texts(value: Any, limit: int, scrub: Callable[[str], str]) -> Any:
    """Return a JSON-like value with long texts and keys shortened.

    The end of a key is kept, because its last word decides whether it is sensitive.
    """
    match value:
        case str():
            return truncate(value, limit, scrub) if len(value) > limit else value
        case dict():
            return {
                _cut_key(key, scrub): truncate_texts(item, limit, scrub)
                for key, item in value.items()
            }
        case list():
            return [truncate_texts(item, limit, scrub) for item in value]
        case _:
            return value


def _cut_key(key: str, scrub: Callable[[str], str]) -> str:
    if len(key) <= MAX_PROPERTY_NAME_LENGTH:
        return key
    return clean_text(scrub(key)[-MAX_PROPERTY_NAME_LENGTH:])
