"""The simulated people. The same seed results in the same people.

Addresses are from networks reserved for documentation (RFC 5737), e-mail domains from RFC 2606.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

_POPULATION: Final = 40
_NETWORKS: Final = ("203.0.113", "198.51.100")
_DOMAINS: Final = ("example.com", "example.org", "example.net")
_FIRST: Final = (
    *("Amina", "Bruno", "Chiara", "Deniz", "Elif", "Farid", "Greta", "Hanna", "Ines", "Jonas"),
    *("Kofi", "Lena", "Mateo", "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Samir", "Tove"),
)
_LAST: Final = (
    *("Almeida", "Berg", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ivanova"),
    *("Jansen", "Kaya", "Lindqvist", "Mensah", "Novak", "Okafor", "Patel", "Rossi", "Schmidt"),
)
_WEBKIT: Final = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1"
_CHROME: Final = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
_AGENTS: Final = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) {_WEBKIT} Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Linux; Android 10; K) {_CHROME} Mobile Safari/537.36",
)


@dataclass(frozen=True, slots=True)
class Person:
    """A visitor. ``password`` is the first password; the visitor can change it."""

    name: str
    email: str
    password: str
    address: str
    agent: str


def population(random: Random) -> tuple[Person, ...]:
    """Return ordinary people with different addresses."""
    names = random.sample([f"{first} {last}" for first in _FIRST for last in _LAST], _POPULATION)
    hosts = random.sample(
        [f"{network}.{host}" for network in _NETWORKS for host in range(1, 200)], _POPULATION
    )
    return tuple(
        _person(random, name=name, address=address)
        for name, address in zip(names, hosts, strict=True)
    )


def suspects() -> tuple[Person, ...]:
    """Return the two attackers: one guesses coupon codes, one steals accounts."""
    return (
        Person("Mallory", "mallory@example.net", "hunter2hunter2", "203.0.113.213", "curl/8.14.1"),
        Person(
            "Trudy", "trudy@example.org", "letmein-now", "198.51.100.240", "python-requests/2.32.5"
        ),
    )


def _person(random: Random, *, name: str, address: str) -> Person:
    email = f"{name.lower().replace(' ', '.')}@{random.choice(_DOMAINS)}"
    password = f"{random.choice(_LAST).lower()}-{random.randrange(1000, 9999)}"
    return Person(name, email, password, address, random.choice(_AGENTS))
