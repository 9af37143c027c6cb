import asyncio
import ipaddress
import socket
from random import Random

import pytest

from sqreen_mw.cli.demo.people import population, suspects
from sqreen_mw.cli.demo.session import Site
from sqreen_mw.cli.demo.visitors import Sites, visit_forever

_DOCUMENTATION = [ipaddress.ip_network(text) for text in ("203.0.113.0/24", "198.51.100.0/24")]


def test_same_seed_makes_the_same_people() -> None:
    """People depend on the seed only, and have different addresses."""
    people = population(Random(7))

    assert people == population(Random(7))
    assert people != population(Random(8))
    assert len({person.address for person in people}) == len(people)
    assert len({person.email for person in people}) == len(people)


def test_addresses_are_reserved_for_documentation() -> None:
    """No visitor has a real person's address (RFC 5737)."""
    for person in (*population(Random(7)), *suspects()):
        address = ipaddress.ip_address(person.address)
        assert any(address in network for network in _DOCUMENTATION)


@pytest.mark.slow
def test_visitors_survive_a_site_that_is_gone(capfd: pytest.CaptureFixture[str]) -> None:
    """A failed visit is followed by the next, and nothing is printed."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = Site(f"http://127.0.0.1:{unused.getsockname()[1]}")

        with pytest.raises(TimeoutError):
            asyncio.run(asyncio.wait_for(visit_forever(Sites(shop=gone, bank=gone), rate=50), 1))

    assert capfd.readouterr() == ("", "")
