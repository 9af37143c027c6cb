"""What people do at the bank."""

import re
from typing import Final

from sqreen_mw.cli.demonstration.visit import Visit

_ACCOUNT: Final = re.compile(r"<code>(HB-\d{4}-\d{4})</code>")


async def bank(visit: Visit) -> None:
    """Log in, look at the accounts, and send money to somebody as a rule."""
    await visit.come_in()
    own = await _look(visit)
    others = [number for number in visit.site.accounts.values() if number not in own]
    if own and others:
        target = visit.chance.choice(others)
        if visit.happens(0.35):
            await _add_beneficiary(visit, target)
        for _ in range(visit.chance.choice((0, 1, 1, 2))):
            await _send(visit, own[0], target)
    if visit.happens(0.05):
        await visit.change_password("/password", "/password")
    await visit.go()


async def stuff_credentials(visit: Visit) -> None:
    """Try addresses and passwords from a leak; empty the account where a pair fits."""
    known = sorted(visit.site.passwords)
    for _ in range(visit.chance.randint(8, 15)):
        stranger = f"user{visit.chance.randrange(1000)}@example.com"
        email = visit.chance.choice(known) if known and visit.happens(0.6) else stranger
        password = visit.site.passwords.get(email, "") if visit.happens(0.04) else "Password123"
        if await visit.log_in(email, password or "Password123"):
            await _empty(visit)
            return


async def _look(visit: Visit) -> list[str]:
    await visit.browser.open("/")
    own = _ACCOUNT.findall(visit.browser.page)
    if own:
        visit.site.accounts[visit.person.email] = own[0]
    return own


async def _add_beneficiary(visit: Visit, account: str) -> None:
    mistyped = visit.happens(0.15)
    await visit.browser.open("/beneficiaries")
    await visit.browser.submit(
        "/beneficiaries", label="A friend", account=account[:-1] if mistyped else account
    )


async def _send(visit: Visit, source: str, target: str) -> None:
    amount = visit.chance.choice((12.5, 20, 45, 80, 150, 320, 950, 2500))
    await visit.browser.open("/transfer")
    await visit.browser.submit("/transfer", source=source, target=target, amount=f"{amount:.2f}")


async def _empty(visit: Visit) -> None:
    await visit.browser.open("/")
    own = _ACCOUNT.findall(visit.browser.page)
    own_number = visit.site.accounts.get(visit.person.email)
    if own and own_number:
        await _add_beneficiary(visit, own_number)
        await visit.browser.open("/transfer")
        await visit.browser.submit("/transfer", source=own[0], target=own_number, amount="990.00")
