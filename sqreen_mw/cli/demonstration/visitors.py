"""The visitors: who comes, in which order, to which site."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Final, NoReturn, TypeAlias

from sqreen_mw.cli.demonstration.bankers import bank, stuff_credentials
from sqreen_mw.cli.demonstration.browser import LostError, browsing
from sqreen_mw.cli.demonstration.dice import dice
from sqreen_mw.cli.demonstration.pace import Pace
from sqreen_mw.cli.demonstration.people import Person, population, suspects
from sqreen_mw.cli.demonstration.shoppers import guess_coupons, shop
from sqreen_mw.cli.demonstration.visit import Site, Visit

Journey: TypeAlias = Callable[[Visit], Awaitable[None]]

_AT_ONCE: Final = 4
_BURST: Final = 60
_SUSPICIOUS: Final = 0.07


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """Where visitors go."""

    shop: Site
    bank: Site


async def visit_for_ever(sites: Sites, *, rate: float, seed: int = 1) -> NoReturn:
    """Send visitors to both sites until cancelled; one whom a site fails is followed by the next.

    Args:
        sites: The sites.
        rate: Actions a second that an application may track, all visitors together; they begin
            with some tens at once.
        seed: The same seed makes the same people do the same things, as far as the sites let them.
    """
    chance = dice(seed)
    pace = Pace(rate=rate, burst=_BURST, chance=dice(seed))
    people = population(chance)
    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(_visits(sites, people=people, pace=pace, chance=chance))
    raise AssertionError("visits never end")


async def _visits(
    sites: Sites, *, people: tuple[Person, ...], pace: Pace, chance: Random
) -> NoReturn:
    while True:
        person, site, journey = _next(sites, people=people, chance=chance)
        own = dice(chance.random())
        try:
            async with browsing(site.url, person=person, pace=pace) as browser:
                await journey(Visit(person=person, site=site, browser=browser, chance=own))
        except LostError:
            await pace.turn()


def _next(
    sites: Sites, *, people: tuple[Person, ...], chance: Random
) -> tuple[Person, Site, Journey]:
    coupon_guesser, thief = suspects()
    if chance.random() < _SUSPICIOUS:
        return chance.choice(
            (
                (coupon_guesser, sites.shop, guess_coupons),
                (thief, sites.bank, stuff_credentials),
            )
        )
    if chance.random() < _SUSPICIOUS:
        return thief, sites.bank, bank
    person = chance.choice(people)
    return chance.choice(((person, sites.shop, shop), (person, sites.bank, bank)))
