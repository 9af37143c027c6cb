from typing import Literal

import pytest

from sqreen_mw.collector.connection_limits import ConnectionLimits, Holder


def test_an_address_holds_a_quarter_of_the_connections() -> None:
    """An address has a limit, another address is free, and a closed connection makes room."""
    limits = ConnectionLimits(8)

    assert [limits.open(("192.0.2.1", port)) for port in range(3)] == [True, True, False]
    assert limits.open(("192.0.2.2", 0))
    limits.close(("192.0.2.1", 0))
    assert limits.open(("192.0.2.1", 3))


def test_all_connections_are_limited() -> None:
    """At most so many connections are open, from any number of addresses."""
    limits, token = ConnectionLimits(8), Holder("token", "t")
    peers = [(f"192.0.2.{number}", 1) for number in range(9)]

    opened = [
        limits.open(peer) and (peer in peers[4:] or limits.hold(peer, token)) for peer in peers
    ]

    assert opened == [True] * 8 + [False]


@pytest.mark.parametrize("per_address", [1, 2])
def test_addresses_without_a_token_leave_a_reserve(per_address: int) -> None:
    """Connections without a token or session never hold more than three quarters together."""
    limits = ConnectionLimits(8)

    opened = [
        limits.open((f"192.0.2.{number}", port))
        for number in range(9)
        for port in range(per_address)
    ]

    assert opened.count(True) == 6


@pytest.mark.parametrize("kind", ["token", "user"])
def test_reserve_is_open_to_networks_that_have_shown_a_token_or_session(
    kind: Literal["token", "user"],
) -> None:
    """Agents and people connect again while strangers hold all other connections."""
    limits, agent = ConnectionLimits(32), ("198.51.100.1", 1)
    limits.open(agent)
    limits.hold(agent, Holder(kind, "t"))
    limits.close(agent)
    for number in range(32):
        limits.open((f"192.0.2.{number}", 1))

    assert limits.open(agent)
    assert not limits.open(("198.51.100.2", 1))


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_one_network_is_one_address(first: str, second: str, *, is_same: bool) -> None:
    """The addresses of an IPv6 /64 share their limit, and a mapped address is IPv4."""
    limits = ConnectionLimits(4)
    limits.open((first, 1))

    assert limits.open((second, 2)) is not is_same


def test_a_thousand_agents_behind_one_address_keep_their_connections() -> None:
    """A connection that shows a token counts for the token, and the address is free again."""
    limits, token = ConnectionLimits(4096), Holder("token", "t")

    for port in range(2000):
        assert limits.open(("192.0.2.1", port))
        assert limits.hold(("192.0.2.1", port), token)


def test_a_token_and_a_user_have_limits_too() -> None:
    """Beyond its share, a token or a user gets no further connection."""
    limits = ConnectionLimits(32)
    peers = [(f"192.0.2.{number}", 1) for number in range(20)]
    of_token = [limits.open(peer) and limits.hold(peer, Holder("token", "t")) for peer in peers]
    of_user = [limits.hold(peer, Holder("user", "s")) for peer in peers[:3]]

    assert of_token == [True] * 16 + [False] * 4
    assert of_user == [True, True, False]


def test_same_holder_is_counted_once() -> None:
    """Further requests on a connection change nothing, and closing it twice neither."""
    limits, peer = ConnectionLimits(4), ("192.0.2.1", 1)
    limits.open(peer)
    for _ in range(3):
        assert limits.hold(peer, Holder("token", "t"))
    limits.close(peer)
    limits.close(peer)

    assert [limits.open((f"192.0.2.{number}", 1)) for number in range(4)] == [True] * 3 + [False]


def test_connections_of_another_server_are_not_counted() -> None:
    """A connection that was never opened here is not refused."""
    limits = ConnectionLimits(4)

    assert all(limits.hold(("testclient", 1), Holder("user", str(n))) for n in range(9))
