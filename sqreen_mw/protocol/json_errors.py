"""Texts for errors in JSON, with the path or the byte of the error."""

import re
from typing import Final

import msgspec

_TWO_ESCAPES: Final = 12
_SURROGATE: Final = re.compile(rb"\\u[dD][89abAB]")

JSON_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The exceptions of a decoder for invalid data."""


def json_error_text(error: Exception, data: bytes = b"") -> str:
    """Return the text of a decoder's error."""
    if isinstance(error, RecursionError):
        return "JSON is nested too deeply"
    text = str(error)
    if text != "Input data was truncated":
        return text
    if _SURROGATE.search(data[-_TWO_ESCAPES:]):
        # The decoder reports both errors in the same way.
        return "JSON ends too early, or has half of a surrogate pair in a text, such as \\ud800"
    return f"{text} (byte {len(data)})"
