import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.capture.client_ip import LOOPBACK, ClientIp, Networks
from sqreen_mw.capture.forwarded_header import forwarded_for

FORWARDED = ClientIp(trusted=Networks(LOOPBACK), header="forwarded", named=True)


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ("for=192.0.2.60;proto=http;by=203.0.113.43", ["192.0.2.60"]),
        ('For="[2001:db8:cafe::17]:4711"', ["[2001:db8:cafe::17]:4711"]),
        ("for=192.0.2.43, for=198.51.100.17", ["198.51.100.17", "192.0.2.43"]),
        ('for=192.0.2.43,for="[2001:db8::17]"', ["[2001:db8::17]", "192.0.2.43"]),
        ("for=1.2.3.4:80 ; proto=https", ["1.2.3.4:80"]),
        (r'for="1.2.\3.4"', ["1.2.3.4"]),
        ("for=1.2.3.4,, ,", ["1.2.3.4"]),
        ("for=_hidden, for=unknown", ["unknown", "_hidden"]),
        ("proto=http", ["unknown"]),
        ("for=1.2.3.4;for=5.6.7.8", ["unknown"]),
        ("for = 1.2.3.4", ["unknown"]),
        ("1.2.3.4", ["unknown"]),
        ('for="1.2.3.4', ["unknown"]),
        ('host="a, for=5.6.7.8";for=1.2.3.4', ["1.2.3.4"]),
        ('for=1.2.3.4;host="x;for=5.6.7.8"', ["1.2.3.4"]),
        (r'for=1.2.3.4;host="a\", for=5.6.7.8, x=\""', ["1.2.3.4"]),
        ('for=5.6.7.8;x=", for=1.2.3.4', ["1.2.3.4", "unknown"]),
        ("", []),
    ],
)
def test_reads_elements_from_the_right(value: str, addresses: list[str]) -> None:
    """The nearest proxy's element comes first; text in quotes adds no element and no parameter."""
    assert forwarded_for(value, 32) == addresses


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_quoted_text_of_a_client_is_no_element(host: str) -> None:
    """A proxy may quote a value of the client, and the address stays the proxy's."""
    quoted = host.replace("\\", r"\\").replace('"', r"\"")
    for element in (f'for=203.0.113.9;host="{quoted}"', f'host="{quoted}";for=203.0.113.9'):
        value = f"for=8.8.8.8, {element}".encode("latin-1")

        assert FORWARDED.resolve("127.0.0.1", [(b"forwarded", value)]).ip == "203.0.113.9"


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_beginning_of_the_header_changes_no_nearer_element(sent: str) -> None:
    """A client cannot change the element that the nearest proxy adds."""
    value = f'{sent}, for="[2001:db8::9]:4711";host="shop"'.encode("latin-1")

    assert FORWARDED.resolve("127.0.0.1", [(b"forwarded", value)]).ip == "2001:db8::9"


@given(st.text(max_size=80), st.integers(1, 4))
def test_any_text_is_read(value: str, most: int) -> None:
    """Any text results in at most so many elements."""
    assert len(forwarded_for(value, most)) <= most
