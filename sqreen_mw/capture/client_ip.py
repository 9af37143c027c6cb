"""Finds the client's address of a request.

The address decides who is blocked, so a client must not be able to forge it. It is the peer's
address, unless the peer is a trusted proxy. Then it is the rightmost address in the proxy's header
that is not a trusted proxy.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from msgspec import Struct, structs

from sqreen_mw.capture.forwarded_header import forwarded_for
from sqreen_mw.protocol.address import (
    PRIVATE,
    format_address,
    packed_address,
    parse_address,
    without_last_port,
    without_port,
)
from sqreen_mw.protocol.event import IpSource

Headers = Sequence[tuple[bytes, bytes]]
"""Header fields like in ASGI: lower-case names in the order of arrival."""

FORWARDED: Final = "forwarded"
FORWARDED_FOR: Final = "x-forwarded-for"

FORWARDING: Final = (FORWARDED, FORWARDED_FOR, "x-real-ip", "cf-connecting-ip", "true-client-ip")
"""Headers in which proxies send the client's address; only the configured one counts."""

_FORWARDING: Final = frozenset(name.encode() for name in FORWARDING)

_FORWARDED: Final = FORWARDED.encode()

ALWAYS_WITH_PORT: Final = frozenset({"cloudfront-viewer-address"})
"""Headers with a port after each address, also after an IPv6 address without brackets."""

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

    ``forwarded_ignored`` is True if the request came with the header and the header did not count,
    or if an untrusted peer sent another forwarding header.
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
    _trusted_peers: dict[str, _Candidate] = field(
        init=False, default_factory=dict, compare=False, repr=False
    )
    _trusted_hops: dict[str, _Candidate] = field(
        init=False, default_factory=dict, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        """Encode the header's name."""
        object.__setattr__(self, "header_name", self.header.encode("latin-1"))

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
        candidate = self._peer(peer or "")
        if steps is not None:
            steps.append(candidate.step())
        hops = self._hops(headers)
        if not hops:
            return self._without_hops(candidate, headers)
        found = self._rightmost_untrusted(hops, steps if candidate.is_trusted else None)
        if candidate.is_trusted and found is not None and found.ip is not None:
            return found
        if found is not None and found.ip == candidate.client.ip:
            # The server has replaced the proxy's address by the one of the header.
            return candidate.client
        return structs.replace(candidate.client, forwarded_ignored=True)

    def trusts(self, peer: str | None) -> bool:
        """Return whether the header of a peer counts."""
        return self._peer(peer or "").is_trusted

    def chain(self, headers: Headers) -> list[str]:
        """Return the addresses in the header, nearest proxy last."""
        candidates = map(self._hop, reversed(self._hops(headers)))
        return [candidate.text for candidate in candidates if candidate is not None]

    def ignores_proxy_header(self, peer: str | None, headers: Headers) -> bool:
        """Return whether a private peer sends the header but is not trusted.

        It is probably the operator's own proxy, and a setting is missing.
        """
        packed = packed_address(peer) if peer else None
        if packed is None or packed in self.trusted or packed not in _PRIVATE_NETWORKS:
            return False
        return bool(self._hops(headers)) and self.resolve(peer, headers).forwarded_ignored

    def _peer(self, peer: str) -> _Candidate:
        known = self._trusted_peers.get(peer)
        if known is not None:
            return known
        is_trusted = not peer or peer == "localhost" or peer.startswith("unix:")
        candidate = self._candidate(peer, without_port(peer), "peer", is_trusted=is_trusted)
        return _kept(candidate, peer, self._trusted_peers)

    def _without_hops(self, peer: _Candidate, headers: Headers) -> ClientAddress:
        """Return the peer. The other forwarding headers of an untrusted one are ignored."""
        names = _FORWARDING.intersection(key for key, _ in headers)
        if not names or peer.is_trusted:
            return peer.client
        for name in names:
            found = self._rightmost_untrusted(self._hops(headers, name), None)
            if found is None or found.ip != peer.client.ip:
                return structs.replace(peer.client, forwarded_ignored=True)
        return peer.client

    def _hops(self, headers: Headers, name: bytes = b"") -> list[str]:
        """Return the items of a header, nearest proxy first; by default of the configured one.

        Several header lines are joined.
        """
        name = name or self.header_name
        lines = [value for key, value in headers if key == name]
        if not lines:
            return lines  # type: ignore[return-value]  # empty
        line = (lines[0] if len(lines) == 1 else b",".join(lines)).decode("latin-1")
        if name == _FORWARDED:
            return forwarded_for(line, MAX_HOPS)
        items = line.rsplit(",", MAX_HOPS)
        if len(items) > MAX_HOPS:
            del items[0]
        items.reverse()
        return items

    def _rightmost_untrusted(
        self, hops: list[str], steps: list[Step] | None
    ) -> ClientAddress | None:
        """Return the nearest address that is not trusted, or the farthest if all are trusted.

        The result has no address if the nearest untrusted item is not an address: the items on its
        left can't be trusted.
        """
        found = None
        trusted = self._trusted_hops
        for item in hops:
            candidate = trusted.get(item) or self._hop(item)
            if candidate is not None:
                found = candidate.client
                if steps is not None:
                    steps.append(candidate.step())
                if not candidate.is_trusted:
                    break
        return found

    def _hop(self, item: str) -> _Candidate | None:
        """Return an item of the header, or None if it is empty."""
        text = item.strip()
        if not text:
            return None
        address = text
        if ":" in text:
            has_port = self.header in ALWAYS_WITH_PORT
            address = without_last_port(text) if has_port else without_port(text)
        candidate = self._candidate(text, address, "header" if self.named else "proxy")
        return _kept(candidate, item, self._trusted_hops)

    def _candidate(
        self, text: str, address: str, source: IpSource, *, is_trusted: bool = False
    ) -> _Candidate:
        """Parse an address. ``is_trusted`` applies if it is none."""
        packed = parse_address(address) if len(address) <= _LONGEST else None
        if packed is None:
            return _Candidate(text, ClientAddress(None, source), is_trusted)
        client = ClientAddress(format_address(packed), source)
        return _Candidate(text, client, self.trusted.contains(packed))


def _kept(candidate: _Candidate, text: str, known: dict[str, _Candidate]) -> _Candidate:
    """Return a candidate. Trusted ones are kept, because they repeat; clients seldom do."""
    if candidate.is_trusted and len(text) <= _LONGEST:
        if len(known) >= _CACHED:
            known.clear()
        known[text] = candidate
    return candidate
