"""IP addresses as text in one canonical form, so that equal addresses are equal strings."""

from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final

PRIVATE: Final = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
)
"""RFC 1918, RFC 6598 and RFC 4193: the networks of machines that no visitor comes from.

Listed, as ``ipaddress.is_private`` holds others as well, such as those of documentation.
"""

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


def parse_address(text: str) -> bytes | None:
    """Do as ``packed_address`` does, for a text that is not remembered and short."""
    try:
        if ":" not in text:
            return inet_pton(AF_INET, text)
        packed = inet_pton(AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        # ValueError: a NUL or a character that is not ASCII.
        return None
    return packed[12:] if packed.startswith(_MAPPED_PREFIX) else packed


_packed: Final = lru_cache(maxsize=_REMEMBERED)(parse_address)


@lru_cache(maxsize=_REMEMBERED)
def address_text(packed: bytes) -> str:
    """Return the canonical text (RFC 5952) of the 4 or 16 bytes of an address."""
    return format_address(packed)


def format_address(packed: bytes) -> str:
    """Do as ``address_text`` does, and remember nothing."""
    family = AF_INET if len(packed) == 4 else AF_INET6  # noqa: PLR2004 bytes of IPv4
    return inet_ntop(family, packed)


def canonical_address(text: str) -> str | None:
    """Return the canonical text of an IP address, or None where the text is none."""
    packed = packed_address(text)
    return None if packed is None else address_text(packed)
