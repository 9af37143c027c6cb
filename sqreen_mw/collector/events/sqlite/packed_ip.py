"""Addresses as 16 bytes, so that IPv4 and IPv6 share one column and a network is one range."""

import ipaddress
from typing import Final

from sqreen_mw.protocol.address import packed_address

_IPV4_MAPPED: Final = b"\0" * 10 + b"\xff\xff"
_IPV4_BYTES: Final = 4


def packed_ip(text: str) -> bytes | None:
    """Return the 16 bytes of an address, IPv4 as IPv4-mapped IPv6 (RFC 4291, section 2.5.5.2)."""
    packed = packed_address(text)
    return None if packed is None else _wide(packed)


def packed_range(text: str) -> tuple[bytes, bytes] | None:
    """Return the first and the last address of a network in CIDR form, or of one address.

    Bits beyond the prefix may be set: 203.0.113.7/24 is the network that holds 203.0.113.7.
    Returns None where the text is neither.
    """
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return _wide(network.network_address.packed), _wide(network.broadcast_address.packed)


def _wide(packed: bytes) -> bytes:
    return _IPV4_MAPPED + packed if len(packed) == _IPV4_BYTES else packed
