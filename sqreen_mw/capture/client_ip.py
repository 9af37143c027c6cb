"""Which address a request comes from, as far as the operator's own proxies vouch for it.

The answer decides who gets blocked, so nothing that a client can write is believed: the address
is the peer's, unless the peer is a trusted proxy; then it is the rightmost address in the
proxy's header that is not a trusted proxy itself.
"""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from msgspec import Struct

from sqreen_mw.protocol.address import PRIVATE, format_address, packed_address, parse_address
from sqreen_mw.protocol.event import IpSource

Headers = Sequence[tuple[bytes, bytes]]
"""Header fields as ASGI gives them: lower-case names, in the order of arrival."""

FORWARDED: Final = "forwarded"
FORWARDED_FOR: Final = "x-forwarded-for"

UNKNOWN_PEER: Final = "unknown"
"""A peer whose address nobody knows: it is trusted with nothing."""

MAX_HOPS: Final = 32
"""Addresses of a proxy header that are looked at, from the right; no chain is as long."""

_REMEMBERED: Final = 1024
_LONGEST: Final = 100

LOOPBACK: Final = ("127.0.0.0/8", "::1/128")


class Networks:
    """A set of IP networks; membership of an address costs one look-up a prefix length."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Read networks in CIDR form.

        Raises:
            ValueError: One of them is no network; the message names it.
        """
        prefixes: dict[int, dict[int, set[int]]] = {}
        for text in networks:
            network = ipaddress.ip_network(text, strict=False)
            shift = network.max_prefixlen - network.prefixlen
            of_size = prefixes.setdefault(network.max_prefixlen // 8, {})
            of_size.setdefault(shift, set()).add(int(network.network_address) >> shift)
        # By the bytes of an address, and how many bits of it are behind the prefix.
        self._prefixes: Final = {
            size: tuple(sorted((shift, frozenset(values)) for shift, values in of_size.items()))
            for size, of_size in prefixes.items()
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Networks) and self._prefixes == other._prefixes

    def __hash__(self) -> int:
        return hash(frozenset(self._prefixes.items()))

    def __contains__(self, packed: bytes) -> bool:
        return self.contains(packed)

    def contains(self, packed: bytes) -> bool:
        """Tell whether an address of 4 or 16 bytes is in one of the networks."""
        number = int.from_bytes(packed)
        for shift, values in self._prefixes.get(len(packed), ()):
            if number >> shift in values:
                return True
        return False


_PRIVATE_NETWORKS: Final = Networks(PRIVATE)


class Step(NamedTuple):
    """An address that was looked at: as it is written, what it is if any, and its trust."""

    text: str
    ip: str | None
    is_trusted: bool


class ClientAddress(Struct, frozen=True, gc=False):
    """An address in canonical text, or None where the peer has none, and who vouches for it."""

    ip: str | None
    source: IpSource


class _Place(Struct, frozen=True, gc=False):
    """An address that a text amounts to: whose it would be, and its trust."""

    text: str
    client: ClientAddress
    is_trusted: bool

    def step(self) -> Step:
        """Return what is told of it."""
        return Step(self.text, self.client.ip, self.is_trusted)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientIp:
    """Finds the client's address of a request.

    Attributes:
        trusted: The networks of the operator's proxies; a Unix socket is always trusted.
        header: The lower-case name of the one header that the proxies set.
        named: Whether the operator named that header, rather than leaving the default.
        header_name: That header, as ASGI has names.
    """

    trusted: Networks
    header: str = FORWARDED_FOR
    named: bool = False
    header_name: bytes = field(init=False, compare=False, repr=False)
    # Most texts come again: proxies' above all, but a client's as well.
    _peer: Callable[[str], _Place] = field(init=False, compare=False, repr=False)
    _hop: Callable[[str], _Place | None] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Make the memories; they hold a bounded number of short texts."""
        remembering = lru_cache(maxsize=_REMEMBERED)
        object.__setattr__(self, "header_name", self.header.encode("latin-1"))
        object.__setattr__(self, "_peer", remembering(self._new_peer))
        object.__setattr__(self, "_hop", remembering(self._new_hop))

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
        peer = peer or ""
        place = self._peer(peer) if len(peer) <= _LONGEST else self._new_peer(peer)
        if steps is not None:
            steps.append(place.step())
        if place.is_trusted:
            found = self._rightmost_untrusted(headers, steps)
            if found is not None and found.client.ip is not None:
                return found.client
        return place.client

    def chain(self, headers: Headers) -> list[str]:
        """Return the addresses of the proxies' header, nearest proxy last."""
        places = map(self._new_hop, reversed(self._nearest(headers)))
        return [place.text for place in places if place is not None]

    def ignores_proxy_header(self, peer: str | None, headers: Headers) -> bool:
        """Tell whether a private peer sends the proxies' header, but is not trusted.

        Most likely that is the operator's own proxy, and a setting is missing.
        """
        packed = packed_address(peer) if peer else None
        if packed is None or packed in self.trusted or packed not in _PRIVATE_NETWORKS:
            return False
        return any(name == self.header_name for name, _ in headers)

    def _nearest(self, headers: Headers) -> list[str]:
        """Return what the proxies' header has between its commas, nearest proxy first.

        Several lines are one list.
        """
        name = self.header_name
        lines = [value for key, value in headers if key == name]
        if not lines:
            return []
        line = lines[0] if len(lines) == 1 else b",".join(lines)
        parts = line.decode("latin-1").rsplit(",", MAX_HOPS)
        if len(parts) > MAX_HOPS:
            del parts[0]
        parts.reverse()
        return parts

    def _rightmost_untrusted(self, headers: Headers, steps: list[Step] | None) -> _Place | None:
        """Return the nearest address that is no proxy, the farthest if all are proxies.

        It is none where garbage comes first: then nobody vouches for what is left of it.
        """
        found = None
        for part in self._nearest(headers):
            place = self._hop(part) if len(part) <= _LONGEST else self._new_hop(part)
            if place is not None:
                found = place
                if steps is not None:
                    steps.append(place.step())
                if not place.is_trusted:
                    break
        return found

    def _new_peer(self, peer: str) -> _Place:
        is_trusted = not peer or peer == "localhost" or peer.startswith("unix:")
        return self._place(peer, "peer", is_trusted=is_trusted)

    def _new_hop(self, part: str) -> _Place | None:
        """Return what is between two commas of the proxies' header, or None for nothing."""
        text = part.strip()
        if not text:
            return None
        if self.header == FORWARDED:
            text = _forwarded_for(text)
        return self._place(text, "header" if self.named else "proxy")

    def _place(self, text: str, source: IpSource, *, is_trusted: bool = False) -> _Place:
        """Return what a text amounts to; ``is_trusted`` counts where it is no address."""
        address = _without_port(text) if ":" in text else text
        packed = parse_address(address) if len(address) <= _LONGEST else None
        if packed is None:
            return _Place(text, ClientAddress(None, source), is_trusted)
        client = ClientAddress(format_address(packed), source)
        return _Place(text, client, self.trusted.contains(packed))


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
