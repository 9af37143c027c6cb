"""IP addresses in a canonical form, so that equal addresses are equal strings."""

import re
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

_ZONE: Final = re.compile(r"[A-Za-z0-9._~-]+")
_PORT: Final = re.compile(r"[0-9]{1,5}|_[A-Za-z0-9._-]+")
"""A port, or the hidden one of RFC 7239, section 6.2."""

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
        address, percent, zone = text.partition("%")
        if percent and not _ZONE.fullmatch(zone):
            return None
        packed = inet_pton(AF_INET6, address)
    except (OSError, ValueError):
        # ValueError: the text contains NUL or a non-ASCII character.
        return None
    return packed[12:] if packed.startswith(_MAPPED_PREFIX) else packed


_packed: Final = lru_cache(maxsize=_CACHED)(parse_address)


def without_port(text: str) -> str:
    """Return an address without its port and brackets: ``1.2.3.4:5``, ``[::1]:5``, ``[::1]``.

    Other text with brackets or a port is no address, so the result is empty.
    """
    if text.startswith("["):
        address, bracket, port = text[1:].partition("]")
        is_right = _PORT.fullmatch(port[1:]) if port.startswith(":") else bracket and not port
        return address if is_right and ":" in address else ""
    if text.count(":") != 1:
        return text
    address, _, port = text.partition(":")
    return address if _PORT.fullmatch(port) else ""


def without_last_port(text: str) -> str:
    """Return an address without the port that always follows: ``::1:5`` has port 5."""
    if text.startswith("[") or ":" not in text:
        return without_port(text)
    address, _, port = text.rpartition(":")
    return address if _PORT.fullmatch(port) else ""


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
