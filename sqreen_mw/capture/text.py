"""Text on its way out: scrubbed, then cut, and such that every encoder takes it."""

from collections.abc import Callable
from typing import Any, Final

from sqreen_mw.protocol.limits import MAX_PROPERTY_NAME_LENGTH

SCAN_LIMIT: Final = 16 * 1024
"""Characters of a text that are looked at; what is kept of it is a quarter of them."""

SCAN_MARGIN: Final = 8 * 1024
"""Characters at the end of those in which half a secret may stand, as long as any is."""


def clean_text(text: str) -> str:
    """Return the text with lone surrogates, which UTF-8 can't say, replaced by ``?``."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def truncate(text: str, limit: int, scrub: Callable[[str], str]) -> str:
    """Return the first characters of a text.

    Scrubbing comes first: a pattern does not know half of a secret.
    """
    scrubbed = scrub(text[:SCAN_LIMIT])
    if len(text) >= SCAN_LIMIT:
        scrubbed = scrubbed[:-SCAN_MARGIN]
    return clean_text(scrubbed[:limit])


def truncate_texts(value: Any, limit: int, scrub: Callable[[str], str]) -> Any:
    """Return a JSON-like value in which the texts that are too long are cut, and the keys.

    Of a key the end stays: its last word says what it is.
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
