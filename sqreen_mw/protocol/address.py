"""IP addresses in a canonical form, so that equal addresses are equal strings."""

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
"""Private networks: RFC 1918, RFC 6598 and RFC 4193.

``ipaddress.is_private`` is not used because it includes others, such as documentation networks.
"""

_MAPPED_PREFIX: Final = b"\0" * 10 + b"\xff\xff"

_LONGEST: Final = 100
"""The maximum length of an address with its zone."""

_CACHED: Final = 4096
_IPV4_BYTES: Final = 4


def packed_address(text: str) -> bytes | None:
    """Return the 4 or 16 bytes of an IP address, or None for other text.

    An IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) becomes its IPv4 address. A zone
    (RFC 4007, section 11) is removed.
    """
    return _packed(text) if len(text) <= _LONGEST else None


def parse_address(text: str) -> bytes | None:
    """Do the same as ``packed_address`` without a cache, for short texts."""
    try:
        if ":" not in text:
            return inet_pton(AF_INET, text)
        packed = inet_pton(AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        # ValueError: the text contains NUL or a non-ASCII character.
        return None
    return packed[12:] if packed.startswith(_MAPPED_PREFIX) else packed


_packed: Final = lru_cache(maxsize=_CACHED)(parse_address)


@lru_cache(maxsize=_CACHED)
def address_text(packed: bytes) -> str:
    """Return the canonical text (RFC 5952) of the 4 or 16 bytes of an address."""
    return format_address(packed)


def format_address(packed: bytes) -> str:
    """Do the same as ``address_text`` without a cache."""
    return inet_ntop(AF_INET if len(packed) == _IPV4_BYTES else AF_INET6, packed)


def canonical_address(text: str) -> str | None:
    """Return the canonical text of an IP address, or None for other text."""
    packed = packed_address(text)
    return None if packed is None else address_text(packed)
