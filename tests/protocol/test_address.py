import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.protocol.address import canonical_address


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("::FFFF:cb00:7109", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("203.0.113", None),
        ("203.0.113.09", None),
        ("1.2.3.4\0", None),
        ("1.2.3.4 ", None),
        ("٣.2.3.4", None),
        ("", None),
        ("unknown", None),
    ],
)
def test_addresses_have_one_canonical_text(text: str, canonical: str | None) -> None:
    """All notations of an address give the same text, and other text gives None."""
    assert canonical_address(text) == canonical


@given(st.ip_addresses())
def test_agrees_with_the_standard_library(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """The canonical text is the same address; mapped addresses become IPv4."""
    mapped = getattr(address, "ipv4_mapped", None)

    canonical = canonical_address(str(address))

    assert canonical is not None
    assert ipaddress.ip_address(canonical) == (mapped or address)
    assert canonical_address(canonical) == canonical


@given(st.text())
def test_no_text_raises(text: str) -> None:
    """Any text is an address or None."""
    canonical = canonical_address(text)

    assert canonical is None or str(ipaddress.ip_address(canonical)) == canonical
