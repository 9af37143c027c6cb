"""IP addresses as text in one canonical form, so that equal addresses are equal strings."""

import socket
from functools import lru_cache
from typing import Final

_MAPPED_PREFIX: Final = b"\0" * 10 + b"\xff\xff"


_LONGEST: Final = 100
"""Characters of an address, with a zone as long as any is."""

_REMEMBERED: Final = 4096


def packed_address(text: str) -> bytes | None:
    """Return the 4 or 16 bytes of an IP address, or None where the text is none.

    An IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) is its IPv4 address, and a zone
    (RFC 4007, section 11) is left out: neither tells two clients apart.
    """
    return _packed(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=_REMEMBERED)
def _packed(text: str) -> bytes | None:
    try:
        if ":" not in text:
            return socket.inet_pton(socket.AF_INET, text)
        packed = socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        # ValueError: a NUL or a character that is not ASCII.
        return None
    return packed[12:] if packed.startswith(_MAPPED_PREFIX) else packed


@lru_cache(maxsize=_REMEMBERED)
def address_text(packed: bytes) -> str:
    """Return the canonical text (RFC 5952) of the 4 or 16 bytes of an address."""
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6  # noqa: PLR2004 bytes of IPv4
    return socket.inet_ntop(family, packed)


def canonical_address(text: str) -> str | None:
    """Return the canonical text of an IP address, or None where the text is none."""
    packed = packed_address(text)
    return None if packed is None else address_text(packed)
