"""What is wrong with JSON that can't be read: the path or the byte of the fault."""

import re
from typing import Final

import msgspec

_TWO_ESCAPES: Final = 12
_SURROGATE: Final = re.compile(rb"\\u[dD][89abAB]")

JSON_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for bytes that it can't read."""


def json_error_text(error: Exception, data: bytes = b"") -> str:
    """Return the fault that a decoder found in the data, in words."""
    if isinstance(error, RecursionError):
        return "JSON is nested too deeply"
    text = str(error)
    if text != "Input data was truncated":
        return text
    if _SURROGATE.search(data[-_TWO_ESCAPES:]):
        # The decoder looks for the other half there, so it says the same of both.
        return "JSON ends too early, or has half of a surrogate pair in a text, such as \\ud800"
    return f"{text} (byte {len(data)})"
