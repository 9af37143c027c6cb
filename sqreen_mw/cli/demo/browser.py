"""A simulated browser: keeps cookies, follows redirects and sends the hidden token of forms."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Final, TypeAlias

from httpx2 import AsyncClient, HTTPError

from sqreen_mw.cli.demo.people import Person

SiteError: TypeAlias = HTTPError
"""Raised if a site is slow, broken or gone."""

_TOKEN: Final = re.compile(r'name="form_token" value="([\w-]+)"')
_TIMEOUT: Final = 15
_RETRY_SECONDS: Final = 0.05
# Loopback uses plain HTTP. Loading the trusted CAs for each visitor would take 50 ms.
_NO_AUTHORITIES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class RateLimit:
    """Limits the actions of all visitors: a burst at first, then random intervals.

    Args:
        rate: The mean number of actions per second.
        burst: The number of actions that don't wait.
        random: The source of the intervals.
    """

    def __init__(self, *, rate: float, burst: int, random: Random) -> None:
        self._rate = rate
        self._burst = burst
        self._random = random
        self._queue = asyncio.Lock()

    async def wait(self) -> None:
        """Wait until the next action is allowed."""
        async with self._queue:
            if self._burst > 0:
                self._burst -= 1
            else:
                await asyncio.sleep(self._random.expovariate(self._rate))


class Browser:
    """A browser with its current page."""

    def __init__(self, client: AsyncClient, limit: RateLimit) -> None:
        self._client = client
        self._limit = limit
        self.page: str = ""
        self.path: str = ""

    async def open(self, path: str) -> None:
        """Open a page."""
        response = await self._client.get(path)
        self.page, self.path = response.text, response.url.path

    async def submit(self, action: str, **fields: str) -> None:
        """Submit a form of the current page, within the rate limit."""
        token = _TOKEN.search(self.page)
        await self._limit.wait()
        form = {"form_token": token[1] if token else "", **fields}
        response = await self._client.post(action, data=form)
        self.page, self.path = response.text, response.url.path


@asynccontextmanager
async def open_browser(url: str, *, person: Person, limit: RateLimit) -> AsyncIterator[Browser]:
    """Open a browser without cookies, which sends the person's address like a proxy does."""
    headers = {"User-Agent": person.agent, "X-Forwarded-For": person.address}
    async with _client(url, headers=headers) as client:
        yield Browser(client, limit)


async def wait_until_answered(url: str) -> None:
    """Wait until a site answers."""
    async with _client(url, headers={}) as client:
        while True:
            try:
                await client.get("/login")
            except HTTPError:
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return


def _client(url: str, *, headers: dict[str, str]) -> AsyncClient:
    return AsyncClient(
        base_url=url,
        headers=headers,
        follow_redirects=True,
        timeout=_TIMEOUT,
        trust_env=False,
        verify=_NO_AUTHORITIES,
    )
