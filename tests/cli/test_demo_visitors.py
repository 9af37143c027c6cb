import asyncio
import ipaddress
import socket

import pytest

from sqreen_mw.cli.demonstration.dice import dice
from sqreen_mw.cli.demonstration.people import population, suspects
from sqreen_mw.cli.demonstration.visit import Site
from sqreen_mw.cli.demonstration.visitors import Sites, visit_for_ever

_DOCUMENTATION = [ipaddress.ip_network(text) for text in ("203.0.113.0/24", "198.51.100.0/24")]


def test_same_seed_makes_the_same_people() -> None:
    """People are made up from the seed alone, and no two share an address."""
    people = population(dice(7))

    assert people == population(dice(7))
    assert people != population(dice(8))
    assert len({person.address for person in people}) == len(people)
    assert len({person.email for person in people}) == len(people)


def test_addresses_are_those_of_documentation() -> None:
    """No real person's address can ever be in the demonstration (RFC 5737)."""
    for person in (*population(dice(7)), *suspects()):
        address = ipaddress.ip_address(person.address)
        assert any(address in network for network in _DOCUMENTATION)


def test_visitors_outlive_a_site_that_is_gone(capfd: pytest.CaptureFixture[str]) -> None:
    """Who meets an error is followed by the next visitor, and nothing is printed."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = Site(f"http://127.0.0.1:{unused.getsockname()[1]}")

        with pytest.raises(TimeoutError):
            asyncio.run(asyncio.wait_for(visit_for_ever(Sites(shop=gone, bank=gone), rate=50), 1))

    assert capfd.readouterr() == ("", "")
