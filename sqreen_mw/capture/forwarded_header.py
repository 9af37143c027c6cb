"""Parses the header ``Forwarded`` (RFC 7239), from the right: the nearest proxy comes first.

Clients write the beginning of the header and some values that proxies quote, such as the host. A
comma or a semicolon inside quotes therefore separates nothing.
"""

import re
from collections.abc import Iterator
from typing import Final

UNKNOWN: Final = "unknown"
"""Stands for a missing address, as in RFC 7239, section 6.2."""

# Escapes are matched first, so a quote after a backslash is none.
_QUOTES: Final = re.compile(r'\\.|(")')
_PAIR: Final = re.compile(r'\s*([^\s"();,=]+)=("(?:[^"\\]|\\.)*"|[^\s"();,]*)\s*(?:;|$)')
_ESCAPE: Final = re.compile(r"\\(.)")


def forwarded_for(value: str, max_elements: int) -> list[str]:
    """Return the ``for`` parameters, nearest proxy first; ``unknown`` if an element has none."""
    elements = map(str.strip, _elements(value, max_elements))
    return [_for_parameter(element) or UNKNOWN for element in elements if element]


def _elements(value: str, max_elements: int) -> Iterator[str]:
    """Return elements from the right. Text with an unbalanced quote is one element."""
    parts = value.rsplit(",", max_elements)
    if len(parts) > max_elements:
        del parts[0]
    element: str | None = None
    for part in reversed(parts):
        element = part if element is None else f"{part},{element}"
        if _is_balanced(element):
            yield element
            element = None
    if element is not None:
        yield element


def _is_balanced(text: str) -> bool:
    return sum(1 for match in _QUOTES.finditer(text) if match[1]) % 2 == 0


def _for_parameter(element: str) -> str:
    """Return the ``for`` parameter, or an empty text if the element is malformed."""
    found, position = "", 0
    while position < len(element):
        pair = _PAIR.match(element, position)
        if pair is None:
            return ""
        if pair[1].lower() == "for":
            if found:
                return ""
            found = pair[2]
        position = pair.end()
    return _ESCAPE.sub(r"\1", found[1:-1]) if found.startswith('"') else found
