"""Count open connections, so that no client can use up all of them."""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sqreen_mw.collector.client_address import client_network

MAX_CONNECTIONS: Final = 4096
"""Maximum number of open connections, if the system allows so many descriptors."""

Peer: TypeAlias = tuple[str, int]
"""The address and the port at the other end of a connection."""

_Kind: TypeAlias = Literal["address", "token", "user"]

_SHARES: Final[Mapping[_Kind, int]] = {"address": 4, "token": 2, "user": 16}
"""Each address may hold a quarter of all connections, a token a half, a user a sixteenth."""

_KNOWN_NETWORKS: Final = 10_000
"""Maximum number of networks that may use the reserve."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The client that a connection or read counts for: an address, a token or a user."""

    kind: _Kind
    name: str


class ConnectionLimits:
    """The open connections and their holders. Use it on the event loop only.

    A connection counts for its peer's address until a request shows a valid token or session.
    Then it counts for that, so many agents behind one address do not hinder each other.

    The last quarter of the connections is a reserve for networks that have shown a valid token or
    session before.
    """

    def __init__(self, total: int = MAX_CONNECTIONS) -> None:
        self._total = total
        self._holders: dict[Peer, Holder] = {}
        self._counts: Counter[Holder] = Counter()
        self._anonymous = 0
        self._known_networks: OrderedDict[str, None] = OrderedDict()

    def open(self, peer: Peer) -> bool:
        """Count a new connection. Return False if it must be closed."""
        holder = Holder("address", client_network(peer[0]))
        if len(self._holders) >= self._total or self._is_full(holder):
            return False
        if self._anonymous >= self._total * 3 // 4 and holder.name not in self._known_networks:
            return False
        self._add(peer, holder)
        return True

    def hold(self, peer: Peer, holder: Holder) -> bool:
        """Count an open connection for another holder. Return False if that has too many.

        Connections of other servers, such as a test client's, are not counted.
        """
        if peer not in self._holders or self._holders[peer] == holder:
            return True
        if self._is_full(holder):
            return False
        if holder.kind != "address":
            self._remember(client_network(peer[0]))
        self.close(peer)
        self._add(peer, holder)
        return True

    def close(self, peer: Peer) -> None:
        """Forget a connection."""
        holder = self._holders.pop(peer, None)
        if holder is None:
            return
        self._anonymous -= holder.kind == "address"
        self._counts[holder] -= 1
        if not self._counts[holder]:
            del self._counts[holder]

    def _is_full(self, holder: Holder) -> bool:
        return self._counts[holder] >= self._total // _SHARES[holder.kind]

    def _add(self, peer: Peer, holder: Holder) -> None:
        self._holders[peer] = holder
        self._anonymous += holder.kind == "address"
        self._counts[holder] += 1

    def _remember(self, network: str) -> None:
        self._known_networks[network] = None
        self._known_networks.move_to_end(network)
        if len(self._known_networks) > _KNOWN_NETWORKS:
            self._known_networks.popitem(last=False)
