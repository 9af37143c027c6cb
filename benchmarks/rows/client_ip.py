"""The client's address through three trusted proxies, compared with the ``ipaddress`` module.

CPU time of a lookup for IPv4 and IPv6. All clients have different addresses.
"""

import ipaddress
import statistics
import time
from collections.abc import Callable
from typing import Final

from benchmarks.child import in_child
from benchmarks.figures import Figure, Plan
from sqreen_mw.capture.client_ip import LOOPBACK, ClientIp, Networks

ROUNDS: Final = 5
LOOKUPS: Final = 2000
PROXIES: Final = ("10.0.0.0/8", "fd00::/8")
CHAINS: Final = {
    "IPv4": ("203.0.{}.{}", "10.0.0.1, 10.0.0.2", "10.0.0.3"),
    "IPv6": ("2001:db8::{:x}:{:x}", "fd00::1, fd00::2", "fd00::3"),
}
"""The client, the first two proxies of the header, and the peer."""

Headers = list[tuple[bytes, bytes]]


def measure(plan: Plan) -> list[Figure]:
    """Return the microseconds of a lookup."""
    rounds = [in_child(timed) for _ in range(plan.rounds or ROUNDS)]
    return [
        Figure(
            name=f"{family}, us",
            digits=2,
            values={
                name: statistics.median(times[family][name] for times in rounds)
                for name in rounds[0][family]
            },
        )
        for family in CHAINS
    ]


def timed() -> dict[str, dict[str, float]]:
    """Return the microseconds of both by address family."""
    ours = ClientIp(trusted=Networks((*LOOPBACK, *PROXIES))).resolve
    networks = [ipaddress.ip_network(text) for text in (*LOOPBACK, *PROXIES)]

    def theirs(peer: str, headers: Headers) -> str:
        return _walk(peer, headers, networks)

    return {
        family: {"ours": _cost(ours, family), "ipaddress": _cost(theirs, family)}
        for family in CHAINS
    }


def _cost(resolve: Callable[[str, Headers], object], family: str) -> float:
    client, hops, peer = CHAINS[family]
    requests = [
        [
            (b"host", b"x"),
            (b"x-forwarded-for", f"{client.format(*divmod(n, 256))}, {hops}".encode()),
        ]
        for n in range(LOOKUPS)
    ]
    begin = time.thread_time_ns()
    for headers in requests:
        resolve(peer, headers)
    return (time.thread_time_ns() - begin) / 1000 / LOOKUPS


def _walk(
    peer: str,
    headers: Headers,
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
) -> str:
    lines = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    for text in reversed([*",".join(lines).split(","), peer]):
        address = ipaddress.ip_address(text.strip())
        if not any(address in network for network in networks):
            return str(address)
    return peer
