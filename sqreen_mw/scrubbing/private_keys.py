"""Masks private keys in text. A key without its end is masked up to the end of the text."""

import re
from typing import Final

from sqreen_mw.scrubbing.mask import MASK

# RFC 7468, also with the escaped blanks and line ends of URLs and JSON.
_PEM: Final = re.compile(
    r"----[- ]BEGIN[A-Z0-9 +%_]{1,40}PRIVATE(?:[ +_]|%20)KEY(?:(?!----[- ]END).)*+"
    r"(?:----[- ]END[A-Z0-9 +%_]{1,60}----)?",
    re.DOTALL,
)
_PUTTY: Final = re.compile(r"(?<=Private-Lines: )\d.*+", re.DOTALL)


def mask_private_keys(text: str) -> str:
    """Return a text with each PEM and PuTTY private key masked."""
    if "BEGIN" in text and "PRIVATE" in text:
        text = _PEM.sub(MASK, text)
    return _PUTTY.sub(MASK, text) if "Private-Lines: " in text else text
