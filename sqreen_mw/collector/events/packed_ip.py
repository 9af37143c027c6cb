"""Pack addresses into 16 bytes, so that IPv4 and IPv6 share a column and a network is a range."""

import ipaddress
from typing import Final

from sqreen_mw.protocol.address import packed_address

_IPV4_MAPPED: Final = b"\0" * 10 + b"\xff\xff"
_IPV4_BYTES: Final = 4


def packed_ip(text: str) -> bytes | None:
    """Return the 16 bytes of an address. IPv4 becomes IPv4-mapped IPv6 (RFC 4291, 2.5.5.2)."""
    packed = packed_address(text)
    return None if packed is None else _wide(packed)


def packed_range(text: str) -> tuple[bytes, bytes]:
    """Return the first and the last address of a network, or of a single address.

    Bits after the prefix are ignored: 203.0.113.7/24 is the network of 203.0.113.7.

    Raises:
        ValueError: The text is not a network or an address.
    """
    network = ipaddress.ip_network(text, strict=False)
    return _wide(network.network_address.packed), _wide(network.broadcast_address.packed)


def _wide(packed: bytes) -> bytes:
    return _IPV4_MAPPED + packed if len(packed) == _IPV4_BYTES else packed
