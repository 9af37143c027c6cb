"""Finds the client's address of a request.

The address decides who is blocked, so a client must not be able to forge it. It is the peer's
address, unless the peer is a trusted proxy. Then it is the rightmost address in the proxy's header
that is not a trusted proxy.
"""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from msgspec import Struct, structs

from sqreen_mw.protocol.address import PRIVATE, format_address, packed_address, parse_address
from sqreen_mw.protocol.event import IpSource

Headers = Sequence[tuple[bytes, bytes]]
"""Header fields like in ASGI: lower-case names in the order of arrival."""

FORWARDED: Final = "forwarded"
FORWARDED_FOR: Final = "x-forwarded-for"

UNKNOWN_PEER: Final = "unknown"
"""A peer without a known address; it is never trusted."""

MAX_HOPS: Final = 32
"""Maximum number of addresses read from a proxy header, from the right."""

_CACHED: Final = 1024
_LONGEST: Final = 100

LOOPBACK: Final = ("127.0.0.0/8", "::1/128")


class Networks:
    """A set of IP networks. A membership test takes one lookup per prefix length."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Parse networks in CIDR notation.

        Raises:
            ValueError: A text is not a network; the message contains it.
        """
        prefixes: dict[int, dict[int, set[int]]] = {}
        for text in networks:
            network = ipaddress.ip_network(text, strict=False)
            shift = network.max_prefixlen - network.prefixlen
            of_size = prefixes.setdefault(network.max_prefixlen // 8, {})
            of_size.setdefault(shift, set()).add(int(network.network_address) >> shift)
        # By the size of an address in bytes, then by the number of bits after the prefix.
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
        """Return whether an address of 4 or 16 bytes is in one of the networks."""
        number = int.from_bytes(packed)
        for shift, values in self._prefixes.get(len(packed), ()):
            if number >> shift in values:
                return True
        return False


_PRIVATE_NETWORKS: Final = Networks(PRIVATE)


class Step(NamedTuple):
    """A checked address: its text, its canonical form if valid, and whether it is trusted."""

    text: str
    ip: str | None
    is_trusted: bool


class ClientAddress(Struct, frozen=True, gc=False):
    """A canonical address, or None if the peer has none, and its source.

    ``forwarded_ignored`` is True if the request came with the header and the header did not count.
    """

    ip: str | None
    source: IpSource
    forwarded_ignored: bool = False


class _Candidate(Struct, frozen=True, gc=False):
    """A text of the header or the peer, with its client address and whether it is trusted."""

    text: str
    client: ClientAddress
    is_trusted: bool

    def step(self) -> Step:
        """Return the candidate as a step."""
        return Step(self.text, self.client.ip, self.is_trusted)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientIp:
    """Finds the client's address of a request.

    Attributes:
        trusted: The networks of trusted proxies. A Unix socket is always trusted.
        header: The lower-case name of the header that the proxies set.
        named: True if the header is configured, False for the default header.
        header_name: The header's name as bytes, like in ASGI.
    """

    trusted: Networks
    header: str = FORWARDED_FOR
    named: bool = False
    header_name: bytes = field(init=False, compare=False, repr=False)
    # Cached, because most addresses repeat, above all those of proxies.
    _peer: Callable[[str], _Candidate] = field(init=False, compare=False, repr=False)
    _hop: Callable[[str], _Candidate | None] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Create the caches."""
        cached = lru_cache(maxsize=_CACHED)
        object.__setattr__(self, "header_name", self.header.encode("latin-1"))
        object.__setattr__(self, "_peer", cached(self._new_peer))
        object.__setattr__(self, "_hop", cached(self._new_hop))

    def resolve(
        self, peer: str | None, headers: Headers, *, steps: list[Step] | None = None
    ) -> ClientAddress:
        """Return the client's address, from a trusted proxy or from the peer.

        Args:
            peer: The remote address of the connection. A Unix socket has none, or a text of the
                server. Invalid text is not an address and is not trusted.
            headers: The request's header fields.
            steps: Receives each checked address.
        """
        peer = peer or ""
        candidate = self._peer(peer) if len(peer) <= _LONGEST else self._new_peer(peer)
        if steps is not None:
            steps.append(candidate.step())
        if candidate.is_trusted:
            found = self._rightmost_untrusted(headers, steps)
            if found is not None and found.client.ip is not None:
                return found.client
        if any(name == self.header_name for name, _ in headers):
            return structs.replace(candidate.client, forwarded_ignored=True)
        return candidate.client

    def chain(self, headers: Headers) -> list[str]:
        """Return the addresses in the header, nearest proxy last."""
        candidates = map(self._new_hop, reversed(self._hops(headers)))
        return [candidate.text for candidate in candidates if candidate is not None]

    def ignores_proxy_header(self, peer: str | None, headers: Headers) -> bool:
        """Return whether a private peer sends the header but is not trusted.

        It is probably the operator's own proxy, and a setting is missing.
        """
        packed = packed_address(peer) if peer else None
        if packed is None or packed in self.trusted or packed not in _PRIVATE_NETWORKS:
            return False
        return any(name == self.header_name for name, _ in headers)

    def _hops(self, headers: Headers) -> list[str]:
        """Return the items of the header, nearest proxy first.

        Several header lines are joined.
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

    def _rightmost_untrusted(self, headers: Headers, steps: list[Step] | None) -> _Candidate | None:
        """Return the nearest address that is not trusted, or the farthest if all are trusted.

        The result has no address if the nearest untrusted item is not an address: the items on its
        left can't be trusted.
        """
        found = None
        for item in self._hops(headers):
            candidate = self._hop(item) if len(item) <= _LONGEST else self._new_hop(item)
            if candidate is not None:
                found = candidate
                if steps is not None:
                    steps.append(candidate.step())
                if not candidate.is_trusted:
                    break
        return found

    def _new_peer(self, peer: str) -> _Candidate:
        is_trusted = not peer or peer == "localhost" or peer.startswith("unix:")
        return self._candidate(peer, "peer", is_trusted=is_trusted)

    def _new_hop(self, item: str) -> _Candidate | None:
        """Return an item of the header, or None if it is empty."""
        text = item.strip()
        if not text:
            return None
        if self.header == FORWARDED:
            text = _forwarded_for(text)
        return self._candidate(text, "header" if self.named else "proxy")

    def _candidate(self, text: str, source: IpSource, *, is_trusted: bool = False) -> _Candidate:
        """Parse a text. ``is_trusted`` applies if it is not an address."""
        address = _without_port(text) if ":" in text else text
        packed = parse_address(address) if len(address) <= _LONGEST else None
        if packed is None:
            return _Candidate(text, ClientAddress(None, source), is_trusted)
        client = ClientAddress(format_address(packed), source)
        return _Candidate(text, client, self.trusted.contains(packed))


def _forwarded_for(element: str) -> str:
    """Return the ``for`` parameter of an element of ``Forwarded`` (RFC 7239, section 4)."""
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
