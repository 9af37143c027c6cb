"""Text that is safe to print on a terminal."""

import re
import sys
from typing import Final

_UNPRINTABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, marks that reverse the direction of text, and lone surrogates."""


def printable(text: str) -> str:
    r"""Return a text with escapes such as ``\x1b`` for characters that control a terminal."""
    return _UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], text)


def echo(text: str, *, err: bool = False) -> None:
    """Print a line that may contain names, to stdout or stderr."""
    stream = sys.stderr if err else sys.stdout
    stream.write(f"{printable(text)}\n")
