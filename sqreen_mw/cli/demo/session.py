"""A person's session on a site, with the actions that both sites support."""

from dataclasses import dataclass, field
from random import Random

from sqreen_mw.cli.demo.browser import Browser
from sqreen_mw.cli.demo.people import Person


@dataclass(frozen=True, slots=True)
class Site:
    """A site and the data that the simulation remembers about it.

    Attributes:
        url: The site's URL.
        passwords: The customers' passwords by e-mail address.
        accounts: The customers' account numbers by e-mail address; used for the bank only.
    """

    url: str
    passwords: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A person who uses a site."""

    person: Person
    site: Site
    browser: Browser
    random: Random

    def happens(self, probability: float) -> bool:
        """Return True with a probability."""
        return self.random.random() < probability

    async def enter(self) -> None:
        """Sign up or log in. Some logins begin with a mistyped password."""
        password = self.site.passwords.get(self.person.email)
        if password is None:
            await self._sign_up()
            return
        if self.happens(0.2):
            await self.log_in(self.person.email, password[:-1])
        await self.log_in(self.person.email, password)

    async def log_in(self, email: str, password: str) -> bool:
        """Try to log in. Return whether it worked."""
        await self.browser.open("/login")
        await self.browser.submit("/login", email=email, password=password)
        return self.browser.path != "/login"

    async def change_password(self, page: str, action: str) -> None:
        """Set a new password."""
        email = self.person.email
        new = f"{self.person.password}-{self.random.randrange(100)}"
        await self.browser.open(page)
        await self.browser.submit(action, current=self.site.passwords.get(email, "-"), new=new)
        self.site.passwords[email] = new

    async def leave(self) -> None:
        """Log out, or leave without it."""
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
