"""A visit to a site, and what both sites have: sign-up, login, logout, passwords."""

from dataclasses import dataclass, field
from random import Random

from sqreen_mw.cli.demonstration.browser import Browser
from sqreen_mw.cli.demonstration.people import Person


@dataclass(frozen=True, slots=True)
class Site:
    """A site, and what its visitors know of it.

    Attributes:
        url: Where it is.
        passwords: Those of the customers, by e-mail address.
        accounts: Account numbers of customers, by e-mail address; only the bank has them.
    """

    url: str
    passwords: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A person on a site."""

    person: Person
    site: Site
    browser: Browser
    chance: Random

    def happens(self, probability: float) -> bool:
        """Toss a coin."""
        return self.chance.random() < probability

    async def come_in(self) -> None:
        """Sign up, or log in, with a mistyped password now and then."""
        password = self.site.passwords.get(self.person.email)
        if password is None:
            await self._sign_up()
            return
        if self.happens(0.2):
            await self.log_in(self.person.email, password[:-1])
        await self.log_in(self.person.email, password)

    async def log_in(self, email: str, password: str) -> bool:
        """Try to log in; say whether it worked."""
        await self.browser.open("/login")
        await self.browser.submit("/login", email=email, password=password)
        return self.browser.path != "/login"

    async def change_password(self, page: str, action: str) -> None:
        """Choose a new password."""
        email = self.person.email
        new = f"{self.person.password}-{self.chance.randrange(100)}"
        await self.browser.open(page)
        await self.browser.submit(action, current=self.site.passwords.get(email, "-"), new=new)
        self.site.passwords[email] = new

    async def go(self) -> None:
        """Log out, or just leave."""
        if self.happens(0.5):
            await self.browser.submit("/logout")

    async def _sign_up(self) -> None:
        person = self.person
        await self.browser.open("/signup")
        await self.browser.submit(
            "/signup", name=person.name, email=person.email, password=person.password
        )
        if self.browser.path != "/signup":
            self.site.passwords[person.email] = person.password
