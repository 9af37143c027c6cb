"""Which address a request comes from, as far as the operator's own proxies vouch for it.

The answer decides who gets blocked, so nothing that a client can write is believed: the address
is the peer's, unless the peer is a trusted proxy; then it is the rightmost address in the
proxy's header that is not a trusted proxy itself.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqreen_mw.protocol.address import address_text, packed_address
from sqreen_mw.protocol.event import IpSource

Headers = Sequence[tuple[bytes, bytes]]
"""Header fields as ASGI gives them: lower-case names, in the order of arrival."""

FORWARDED_FOR: Final = "x-forwarded-for"

UNKNOWN_PEER: Final = "unknown"
"""A peer whose address nobody knows: it is trusted with nothing."""

MAX_HOPS: Final = 32
"""Addresses of a proxy header that are looked at, from the right; no chain is as long."""

LOOPBACK: Final = ("127.0.0.0/8", "::1/128")

PRIVATE: Final = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
)
"""RFC 1918, RFC 6598 and RFC 4193; listed, as ``ipaddress.is_private`` holds others as well."""


class Networks:
    """A set of IP networks; membership of an address costs one look-up a prefix length."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Read networks in CIDR form.

        Raises:
            ValueError: One of them is no network; the message names it.
        """
        prefixes: dict[tuple[int, int], set[int]] = {}
        for text in networks:
            network = ipaddress.ip_network(text, strict=False)
            shift = network.max_prefixlen - network.prefixlen
            key = (network.max_prefixlen // 8, shift)
            prefixes.setdefault(key, set()).add(int(network.network_address) >> shift)
        self._prefixes: Final = tuple(
            (size, shift, frozenset(values)) for (size, shift), values in prefixes.items()
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Networks) and set(self._prefixes) == set(other._prefixes)

    def __hash__(self) -> int:
        return hash(frozenset(self._prefixes))

    def __contains__(self, packed: bytes) -> bool:
        number = int.from_bytes(packed)
        length = len(packed)
        for size, shift, values in self._prefixes:
            if size == length and number >> shift in values:
                return True
        return False


_PRIVATE_NETWORKS: Final = Networks(PRIVATE)


class Step(NamedTuple):
    """An address that was looked at: as it is written, what it is if any, and its trust."""

    text: str
    ip: str | None
    is_trusted: bool


class ClientAddress(NamedTuple):
    """An address in canonical text, or None where the peer has none, and who vouches for it."""

    ip: str | None
    source: IpSource


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientIp:
    """Finds the client's address of a request.

    Attributes:
        trusted: The networks of the operator's proxies; a Unix socket is always trusted.
        header: The lower-case name of the one header that the proxies set.
        named: Whether the operator named that header, rather than leaving the default.
    """

    trusted: Networks
    header: str = FORWARDED_FOR
    named: bool = False

    def resolve(
        self, peer: str | None, headers: Headers, *, steps: list[Step] | None = None
    ) -> ClientAddress:
        """Return the client's address: a vouched one, or the peer's.

        Args:
            peer: The address of the connection's other end; on a Unix socket there is none, or a
                server's own word for it. Garbage is no address, and nobody to trust.
            headers: The request's header fields.
            steps: Takes each address that is looked at, in this order.
        """
        packed = packed_address(_without_port(peer)) if peer else None
        peer_address = ClientAddress(None if packed is None else address_text(packed), "peer")
        is_trusted = self._trusts(peer, packed)
        if steps is not None:
            steps.append(Step(peer or "", peer_address.ip, is_trusted))
        client = self._rightmost_untrusted(self.chain(headers), steps) if is_trusted else None
        if client is None:
            return peer_address
        return ClientAddress(address_text(client), "header" if self.named else "proxy")

    def chain(self, headers: Headers) -> list[str]:
        """Return the addresses of the proxies' header, nearest proxy last."""
        lines = self.header_lines(headers)
        return _addresses(self.header, lines) if lines else []

    def distrusts_proxy(self, peer: str | None, headers: Headers) -> bool:
        """Tell whether a private peer sends the proxies' header, but is not trusted.

        Most likely that is the operator's own proxy, and a setting is missing.
        """
        packed = packed_address(peer) if peer else None
        if packed is None or packed in self.trusted or packed not in _PRIVATE_NETWORKS:
            return False
        return bool(self.header_lines(headers))

    def _trusts(self, peer: str | None, packed: bytes | None) -> bool:
        if packed is not None:
            return packed in self.trusted
        return not peer or peer == "localhost" or peer.startswith("unix:")

    @property
    def header_name(self) -> bytes:
        """The proxies' header, as ASGI has names."""
        return self.header.encode("latin-1")

    def header_lines(self, headers: Headers) -> list[str]:
        """Return the values of the proxies' header, a line each."""
        name = self.header_name
        return [value.decode("latin-1") for key, value in headers if key == name]

    def _rightmost_untrusted(self, chain: list[str], steps: list[Step] | None) -> bytes | None:
        """Return the nearest address that is no proxy, the farthest if all are proxies.

        None where garbage comes first: then nobody vouches for what is left of it.
        """
        packed = None
        for text in reversed(chain):
            packed = packed_address(_without_port(text))
            is_trusted = packed is not None and packed in self.trusted
            if steps is not None:
                steps.append(
                    Step(text, None if packed is None else address_text(packed), is_trusted)
                )
            if not is_trusted:
                break
        return packed


def _addresses(header: str, lines: list[str]) -> list[str]:
    """Return the addresses of a proxy header, nearest proxy last; several lines are one list."""
    nearest = ",".join(lines).rsplit(",", MAX_HOPS)[-MAX_HOPS:]
    elements = [element for part in nearest if (element := part.strip())]
    if header != "forwarded":
        return elements
    return [_forwarded_for(element) for element in elements]


def _forwarded_for(element: str) -> str:
    """Return the ``for`` parameter of one element of ``Forwarded`` (RFC 7239, section 4)."""
    for pair in element.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            return value.strip().strip('"')
    return ""


def _without_port(text: str) -> str:
    """Return an address without the port that some proxies add: ``1.2.3.4:5``, ``[::1]:5``."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
