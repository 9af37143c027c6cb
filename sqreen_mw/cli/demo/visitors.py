"""The visitors: chooses who visits which site and what they do there."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Final, NoReturn, TypeAlias

from sqreen_mw.cli.demo.bank_customers import stuff_credentials, use_bank
from sqreen_mw.cli.demo.browser import RateLimit, SiteError, open_browser
from sqreen_mw.cli.demo.people import Person, population, suspects
from sqreen_mw.cli.demo.session import Session, Site
from sqreen_mw.cli.demo.shop_customers import guess_coupons, use_shop

Journey: TypeAlias = Callable[[Session], Awaitable[None]]

_CONCURRENT: Final = 4
_BURST: Final = 60
_SUSPICIOUS: Final = 0.07


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """The two sites."""

    shop: Site
    bank: Site


async def visit_forever(sites: Sites, *, rate: float, seed: int = 1) -> NoReturn:
    """Send visitors to both sites until cancelled. A visit that fails is followed by the next.

    Args:
        sites: The sites.
        rate: Tracked actions per second of all visitors; the first 60 don't wait.
        seed: The same seed results in the same people and the same decisions.
    """
    random = Random(seed)
    limit = RateLimit(rate=rate, burst=_BURST, random=Random(seed))
    people = population(random)
    async with asyncio.TaskGroup() as group:
        for _ in range(_CONCURRENT):
            group.create_task(_visits(sites, people=people, limit=limit, random=random))
    raise AssertionError("visits never end")


async def _visits(
    sites: Sites, *, people: tuple[Person, ...], limit: RateLimit, random: Random
) -> NoReturn:
    while True:
        person, site, journey = _next(sites, people=people, random=random)
        own = Random(random.random())
        try:
            async with open_browser(site.url, person=person, limit=limit) as browser:
                await journey(Session(person=person, site=site, browser=browser, random=own))
        except SiteError:
            await limit.wait()


def _next(
    sites: Sites, *, people: tuple[Person, ...], random: Random
) -> tuple[Person, Site, Journey]:
    coupon_guesser, thief = suspects()
    if random.random() < _SUSPICIOUS:
        return random.choice(
            (
                (coupon_guesser, sites.shop, guess_coupons),
                (thief, sites.bank, stuff_credentials),
            )
        )
    if random.random() < _SUSPICIOUS:
        return thief, sites.bank, use_bank
    person = random.choice(people)
    return random.choice(((person, sites.shop, use_shop), (person, sites.bank, use_bank)))
