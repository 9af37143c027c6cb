"""The simulated customers of the bank."""

import re
from typing import Final

from sqreen_mw.cli.demo.session import Session

_ACCOUNT: Final = re.compile(r"<code>(HB-\d{4}-\d{4})</code>")


async def use_bank(session: Session) -> None:
    """Log in, look at the accounts, and usually transfer money to another customer."""
    await session.enter()
    own = await _open_accounts(session)
    others = [number for number in session.site.accounts.values() if number not in own]
    if own and others:
        target = session.random.choice(others)
        if session.happens(0.35):
            await _add_beneficiary(session, target)
        for _ in range(session.random.choice((0, 1, 1, 2))):
            await _transfer(session, own[0], target)
    if session.happens(0.05):
        await session.change_password("/password", "/password")
    await session.leave()


async def stuff_credentials(session: Session) -> None:
    """Try leaked e-mail addresses and passwords, and empty the first account that opens."""
    known = sorted(session.site.passwords)
    for _ in range(session.random.randint(8, 15)):
        unknown = f"user{session.random.randrange(1000)}@example.com"
        email = session.random.choice(known) if known and session.happens(0.6) else unknown
        password = session.site.passwords.get(email, "") if session.happens(0.04) else ""
        if await session.log_in(email, password or "Password123"):
            await _empty_account(session)
            return


async def _open_accounts(session: Session) -> list[str]:
    await session.browser.open("/")
    own = _ACCOUNT.findall(session.browser.page)
    if own:
        session.site.accounts[session.person.email] = own[0]
    return own


async def _add_beneficiary(session: Session, account: str) -> None:
    mistyped = session.happens(0.15)
    await session.browser.open("/beneficiaries")
    await session.browser.submit(
        "/beneficiaries", label="A friend", account=account[:-1] if mistyped else account
    )


async def _transfer(session: Session, source: str, target: str) -> None:
    amount = session.random.choice((12.5, 20, 45, 80, 150, 320, 950, 2500))
    await session.browser.open("/transfer")
    await session.browser.submit("/transfer", source=source, target=target, amount=f"{amount:.2f}")


async def _empty_account(session: Session) -> None:
    await session.browser.open("/")
    victims = _ACCOUNT.findall(session.browser.page)
    own = session.site.accounts.get(session.person.email)
    if victims and own:
        await _add_beneficiary(session, own)
        await session.browser.open("/transfer")
        await session.browser.submit("/transfer", source=victims[0], target=own, amount="990.00")
