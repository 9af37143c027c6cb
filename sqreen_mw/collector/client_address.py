"""Find the address of the client that sent a request, also behind a proxy."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import HTTPConnection

from sqreen_mw.capture.client_ip import LOOPBACK, UNKNOWN_PEER, ClientIp, Networks
from sqreen_mw.protocol.address import PRIVATE, address_text, packed_address

_IPV4_BYTES: Final = 4
_PREFIX_BYTES: Final = 8
_PREFIX_BITS: Final = 64


def client_ip(trusted_proxies: Sequence[str]) -> ClientIp:
    """Return the rules of the SDK: the rightmost address that is no trusted proxy.

    Args:
        trusted_proxies: Networks beside loopback. ``private`` means the private ones.

    Raises:
        ValueError: A text is not a network.
    """
    networks = [*LOOPBACK]
    for text in trusted_proxies:
        networks.extend(PRIVATE if text == "private" else (text,))
    return ClientIp(trusted=Networks(networks))


def client_address(connection: HTTPConnection, rules: ClientIp) -> str:
    """Return the canonical address of a request's client, or ``unknown``."""
    peer = connection.client.host if connection.client else UNKNOWN_PEER
    return rules.resolve(peer, connection.headers.raw).ip or peer


def client_network(address: str) -> str:
    """Return the network that one client owns: an IPv4 address, or the /64 of an IPv6 address."""
    packed = packed_address(address)
    if packed is None:
        return address
    if len(packed) == _IPV4_BYTES:
        return address_text(packed)
    return f"{address_text(packed[:_PREFIX_BYTES] + bytes(_PREFIX_BYTES))}/{_PREFIX_BITS}"
