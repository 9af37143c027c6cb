import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.capture.client_ip import (
    LOOPBACK,
    ClientAddress,
    ClientIp,
    Networks,
    Step,
)
from sqreen_mw.protocol.address import PRIVATE, canonical_address, packed_address

DEFAULT = ClientIp(trusted=Networks(LOOPBACK))
BEHIND_PRIVATE = ClientIp(trusted=Networks((*LOOPBACK, *PRIVATE, "2001:db8:1::/48")))

networks = st.ip_addresses().flatmap(
    lambda address: st.integers(0, address.max_prefixlen).map(
        lambda length: ipaddress.ip_network((address, length), strict=False)
    )
)


def pair(address: ClientAddress) -> tuple[str | None, str]:
    """Return an address and its source."""
    return address.ip, address.source


def forwarded_for(*lines: str) -> list[tuple[bytes, bytes]]:
    """Return header fields with X-Forwarded-For lines."""
    return [(b"host", b"shop"), *((b"x-forwarded-for", line.encode("latin-1")) for line in lines)]


@given(st.lists(networks, max_size=5), st.ip_addresses())
def test_membership_agrees_with_the_standard_library(
    several: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """An address is in a set of networks if it is in one of them."""
    packed = packed_address(str(address))
    canonical = getattr(address, "ipv4_mapped", None) or address

    assert packed is not None
    assert (packed in Networks(str(network) for network in several)) == any(
        canonical in network for network in several
    )


def test_wrong_network_is_named() -> None:
    """The error contains the wrong text."""
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/33"):
        Networks(["10.0.0.0/33"])


def test_equal_networks_are_equal() -> None:
    """Sets of networks compare by their networks."""
    assert Networks(["10.0.0.0/8", "::1"]) == Networks(["::1/128", "10.0.0.0/8"])
    assert hash(Networks(["10.0.0.0/8", "::1"])) == hash(Networks(["::1/128", "10.0.0.0/8"]))
    assert Networks(["10.0.0.0/8"]) != Networks(["10.0.0.0/9"])
    assert Networks([]) != ()


@pytest.mark.parametrize(
    ("peer", "lines", "answer"),
    [
        ("203.0.113.9", (), ("203.0.113.9", "peer")),
        ("203.0.113.9", ("198.51.100.1",), ("203.0.113.9", "peer")),
        ("172.17.0.1", ("198.51.100.1",), ("172.17.0.1", "peer")),
        ("127.0.0.1", (), ("127.0.0.1", "peer")),
        ("127.0.0.1", ("198.51.100.1",), ("198.51.100.1", "proxy")),
        ("::1", ("198.51.100.1",), ("198.51.100.1", "proxy")),
        ("::ffff:127.0.0.1", ("198.51.100.1",), ("198.51.100.1", "proxy")),
        (None, ("198.51.100.1",), ("198.51.100.1", "proxy")),
        ("", ("198.51.100.1",), ("198.51.100.1", "proxy")),
        (None, (), (None, "peer")),
        ("unix:/run/app.sock", ("198.51.100.1",), ("198.51.100.1", "proxy")),
        ("localhost", ("198.51.100.1",), ("198.51.100.1", "proxy")),
        ("203.0.113.9:5678", ("198.51.100.1",), ("203.0.113.9", "peer")),
        ("[2001:db8::9]:80", ("198.51.100.1",), ("2001:db8::9", "peer")),
        ("host.example", ("198.51.100.1",), (None, "peer")),
        ("01.2.3.4", ("198.51.100.1",), (None, "peer")),
        ("127.1", ("198.51.100.1",), (None, "peer")),
        ("127.0.0.1", ("198.51.100",), ("127.0.0.1", "peer")),
        ("127.0.0.1", ("0x7f.0.0.1",), ("127.0.0.1", "peer")),
        ("127.0.0.1", ("8.8.8.8, " + "1" * 200,), ("127.0.0.1", "peer")),
        ("unix:/" + "x" * 200, ("198.51.100.1",), ("198.51.100.1", "proxy")),
        ("127.0.0.1", ("8.8.8.8, 198.51.100.1",), ("198.51.100.1", "proxy")),
        ("127.0.0.1", ("8.8.8.8", "198.51.100.1"), ("198.51.100.1", "proxy")),
        ("127.0.0.1", ("198.51.100.1, 127.0.0.1",), ("198.51.100.1", "proxy")),
        ("127.0.0.1", ("198.51.100.1:4711",), ("198.51.100.1", "proxy")),
        ("127.0.0.1", ("[2001:db8::1]:4711",), ("2001:db8::1", "proxy")),
        ("127.0.0.1", ("2001:DB8::1",), ("2001:db8::1", "proxy")),
        ("127.0.0.1", ("198.51.100.1, ,",), ("198.51.100.1", "proxy")),
        ("127.0.0.1", ("198.51.100.1, unknown",), ("127.0.0.1", "peer")),
        ("127.0.0.1", ("unknown",), ("127.0.0.1", "peer")),
        ("127.0.0.1", ("",), ("127.0.0.1", "peer")),
    ],
)
def test_only_loopback_is_trusted_by_default(
    peer: str | None, lines: tuple[str, ...], answer: tuple[str | None, str]
) -> None:
    """The address is the peer's, unless a local peer sends X-Forwarded-For."""
    assert pair(DEFAULT.resolve(peer, forwarded_for(*lines))) == answer


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (("8.8.8.8, 203.0.113.9, 10.0.0.1, 2001:db8:1::7",), ("203.0.113.9", "proxy")),
        (("10.0.0.7, 192.168.0.1",), ("10.0.0.7", "proxy")),
        (("8.8.8.8", "garbage", "10.0.0.1"), ("172.17.0.1", "peer")),
    ],
)
def test_configured_networks_are_trusted(lines: tuple[str, ...], answer: tuple[str, str]) -> None:
    """The search goes from the right past trusted proxies; invalid text ends it at the peer."""
    assert pair(BEHIND_PRIVATE.resolve("172.17.0.1", forwarded_for(*lines))) == answer


@pytest.mark.parametrize(
    ("value", "ip"),
    [
        ("203.0.113.9:46532", "203.0.113.9"),
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:300:f:abcd::9:9985", "2001:db8:300:f:abcd::9"),
        ("2001:db8:300:f:abcd::9:46532", "2001:db8:300:f:abcd::9"),
        ("2001:db8:1:2:3:4:5:6:443", "2001:db8:1:2:3:4:5:6"),
        ("2001:db8:::443", "2001:db8::"),
        ("[2001:db8::9]:443", "2001:db8::9"),
        ("::ffff:203.0.113.9:80", "203.0.113.9"),
        ("fe80::1%eth0:80", "fe80::1"),
        ("2001:db8::abcd", "127.0.0.1"),
        ("2001:db8::9:", "127.0.0.1"),
        ("2001:db8::9:123456", "127.0.0.1"),
        (":80", "127.0.0.1"),
        ("unknown:80", "127.0.0.1"),
    ],
)
def test_port_is_removed_if_the_header_always_has_one(value: str, ip: str) -> None:
    """CloudFront-Viewer-Address ends with a port, also after IPv6 without brackets."""
    name = "cloudfront-viewer-address"
    named = ClientIp(trusted=Networks(LOOPBACK), header=name, named=True)

    assert named.resolve("127.0.0.1", [(name.encode(), value.encode())]).ip == ip


@given(st.ip_addresses(), st.integers(1, 65535))
def test_port_of_any_address_is_removed(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    """Each documented spelling of an address gives the same address."""
    name = "cloudfront-viewer-address"
    viewer = ClientIp(trusted=Networks([]), header=name, named=True)
    expected = canonical_address(str(address))
    in_brackets = f"[{address}]" if ":" in str(address) else str(address)

    for text in (str(address), address.exploded, in_brackets, f" {in_brackets}:{port} "):
        assert ClientIp(trusted=Networks([])).resolve(None, forwarded_for(text)).ip == expected
    always = [(name.encode(), f"{address}:{port}".encode())]
    assert viewer.resolve(None, always).ip == expected


@pytest.mark.parametrize(
    "value",
    [
        "203.0.113.9:",
        "203.0.113.9:http",
        "203.0.113.9:123456",
        "[203.0.113.9]",
        "[203.0.113.9]:80",
        "[2001:db8::1",
        "[2001:db8::1]80",
        "[2001:db8::1]:",
        "[2001:db8::1]]",
        "2001:db8::1]",
        "2001:db8::1%",
        "2001:db8::1%<script>",
        "2001:db8:1:2:3:4:5:6:443",
        "203.0.113.9 203.0.113.8",
        '"203.0.113.9"',
        "203.0.113.9/32",
        "http://203.0.113.9",
        "٢.2.3.4",
        "203.0.113.9\0",
    ],
)
def test_garbage_is_no_address(value: str) -> None:
    """Text that no proxy documents is not an address, so the peer counts."""
    found = DEFAULT.resolve("127.0.0.1", forwarded_for(value.encode().decode("latin-1")))

    assert (*pair(found), found.forwarded_ignored) == ("127.0.0.1", "peer", True)


@pytest.mark.parametrize(
    ("peer", "lines", "ignored"),
    [
        ("203.0.113.9", (), False),
        ("203.0.113.9", ("203.0.113.9",), False),
        ("203.0.113.9", ("8.8.8.8, 203.0.113.9, 127.0.0.1",), False),
        ("10.0.0.7", ("10.0.0.7",), False),
        ("203.0.113.9", ("8.8.8.8",), True),
        ("203.0.113.9", ("203.0.113.9, 8.8.8.8",), True),
        ("203.0.113.9", ("",), True),
        ("10.0.0.7", ("203.0.113.9",), True),
        ("127.0.0.1", ("203.0.113.9",), False),
        ("127.0.0.1", ("unknown",), True),
    ],
)
def test_header_is_ignored_unless_the_address_is_its_own(
    peer: str, lines: tuple[str, ...], *, ignored: bool
) -> None:
    """A server such as uvicorn may have replaced the peer's address by the header's already."""
    assert DEFAULT.resolve(peer, forwarded_for(*lines)).forwarded_ignored is ignored


@pytest.mark.parametrize("name", ["forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip"])
def test_other_forwarding_header_is_ignored_if_the_peer_is_not_trusted(name: str) -> None:
    """A header that is not configured never counts, and an untrusted peer's is reported.

    A trusted proxy may set several headers, and a server may have used one of them already.
    """

    def resolved(peer: str, value: str, *more: tuple[bytes, bytes]) -> tuple[str | None, bool]:
        text = f"for={value}" if name == "forwarded" else value
        found = DEFAULT.resolve(peer, [(name.encode(), text.encode()), *more])
        return found.ip, found.forwarded_ignored

    assert resolved("203.0.113.9", "8.8.8.8") == ("203.0.113.9", True)
    assert resolved("203.0.113.9", "203.0.113.9") == ("203.0.113.9", False)
    assert resolved("203.0.113.9", "1.1.1.1", *forwarded_for("203.0.113.9"))[1] is False
    assert resolved("127.0.0.1", "8.8.8.8") == ("127.0.0.1", False)
    assert resolved("127.0.0.1", "8.8.8.8", *forwarded_for("1.1.1.1")) == ("1.1.1.1", False)
    assert not DEFAULT.ignores_proxy_header("10.0.0.7", [(name.encode(), b"8.8.8.8")])


def test_only_the_configured_header_counts() -> None:
    """With a configured header, X-Forwarded-For is ignored."""
    named = ClientIp(trusted=Networks(LOOPBACK), header="cf-connecting-ip", named=True)
    headers = [*forwarded_for("8.8.8.8"), (b"cf-connecting-ip", b"203.0.113.9")]

    assert pair(named.resolve("127.0.0.1", headers)) == ("203.0.113.9", "header")
    assert pair(named.resolve("127.0.0.1", forwarded_for("8.8.8.8"))) == ("127.0.0.1", "peer")
    assert pair(named.resolve("198.51.100.1", headers)) == ("198.51.100.1", "peer")


@pytest.mark.parametrize(
    ("value", "ip"),
    [
        ('for="[2001:db8::1]:4711";proto=https', "2001:db8::1"),
        ("for=8.8.8.8, For=203.0.113.9;by=127.0.0.1", "203.0.113.9"),
        ("proto=http; for=203.0.113.9", "203.0.113.9"),
        ("for=203.0.113.9, proto=http", "127.0.0.1"),
        ("for=_hidden", "127.0.0.1"),
        ("for=unknown", "127.0.0.1"),
    ],
)
def test_reads_forwarded(value: str, ip: str) -> None:
    """The header of RFC 7239 is parsed if it is configured."""
    named = ClientIp(trusted=Networks(LOOPBACK), header="forwarded", named=True)

    assert named.resolve("127.0.0.1", [(b"forwarded", value.encode())]).ip == ip


@given(st.binary(max_size=60), st.sampled_from(["127.0.0.1", "203.0.113.9", "10.0.0.1"]))
def test_any_header_results_in_an_address(value: bytes, peer: str) -> None:
    """Any bytes in the header result in a canonical address."""
    answer = BEHIND_PRIVATE.resolve(peer, [(b"x-forwarded-for", value)])

    assert answer.ip is not None
    assert str(ipaddress.ip_address(answer.ip)) == answer.ip
    if peer == "203.0.113.9":
        assert pair(answer) == (peer, "peer")


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=40)), max_size=5))
def test_caches_change_no_result(requests: list[tuple[str, str]]) -> None:
    """A text has the same result as a peer and in the header, cached or not."""
    asked = [(peer, forwarded_for(line.encode().decode("latin-1"))) for peer, line in requests]
    asked += [(line, headers) for _, line in requests for _, headers in asked]
    remembering = ClientIp(trusted=BEHIND_PRIVATE.trusted)

    for peer, headers in asked * 2:
        fresh = ClientIp(trusted=BEHIND_PRIVATE.trusted)
        assert remembering.resolve(peer, headers) == fresh.resolve(peer, headers)


def test_many_proxies_change_no_result() -> None:
    """The cache of proxies has a limit. Beyond it, each address is still found."""
    client_ip = ClientIp(trusted=BEHIND_PRIVATE.trusted)
    proxies = [f"10.0.{number // 256}.{number % 256}" for number in range(1100)]

    for proxy in (*proxies, *proxies[:10]):
        answer = client_ip.resolve(proxy, forwarded_for("8.8.8.8"))
        assert pair(answer) == ("8.8.8.8", "proxy")


def test_only_the_nearest_32_addresses_count() -> None:
    """The rest of a very long header is ignored."""
    headers = forwarded_for(", ".join(["8.8.8.8", *["10.0.0.7"] * 32]))
    steps: list[Step] = []

    assert pair(BEHIND_PRIVATE.resolve("127.0.0.1", headers, steps=steps)) == ("10.0.0.7", "proxy")
    assert len(steps) == 33
    assert BEHIND_PRIVATE.chain(headers) == ["10.0.0.7"] * 32


@pytest.mark.parametrize(
    ("peer", "lines", "distrusts"),
    [
        ("172.17.0.1", ("8.8.8.8",), True),
        ("fd00::1", ("8.8.8.8",), True),
        ("172.17.0.1", (), False),
        ("127.0.0.1", ("8.8.8.8",), False),
        ("203.0.113.9", ("8.8.8.8",), False),
        (None, ("8.8.8.8",), False),
    ],
)
def test_untrusted_proxy_is_recognized(
    peer: str | None, lines: tuple[str, ...], *, distrusts: bool
) -> None:
    """A private peer that sends the header is probably a proxy without a setting."""
    assert DEFAULT.ignores_proxy_header(peer, forwarded_for(*lines)) is distrusts


@given(st.lists(st.sampled_from(["198.51.100.1", "10.0.0.1", "unknown", "::1"]), max_size=5))
def test_steps_are_the_checked_addresses(chain: list[str]) -> None:
    """Steps are the peer and then the header from the right, up to the first untrusted address."""
    headers = forwarded_for(", ".join(chain))
    steps: list[Step] = []

    found = BEHIND_PRIVATE.resolve("127.0.0.1", headers, steps=steps)

    assert found == BEHIND_PRIVATE.resolve("127.0.0.1", headers)
    assert [step.text for step in steps] == ["127.0.0.1", *reversed(chain)][: len(steps)]
    assert all(step.is_trusted for step in steps[:-1])
    assert not steps[-1].is_trusted or len(steps) == len(chain) + 1
