"""A visitor's browser: cookies, redirects, and the hidden token of each form."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

from httpx2 import AsyncClient, HTTPError

from sqreen_mw.cli.demonstration.pace import Pace
from sqreen_mw.cli.demonstration.people import Person

LostError: TypeAlias = HTTPError
"""What a site that is slow, broken or gone makes of a visit."""

_TOKEN: Final = re.compile(r'name="form_token" value="([\w-]+)"')
_TIMEOUT: Final = 15
_BETWEEN_TRIES: Final = 0.05
# Loopback speaks plain HTTP; loading the authorities for each visitor would take 50 ms.
_NO_AUTHORITIES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Browser:
    """A person's session on a site, and the page that they look at."""

    def __init__(self, client: AsyncClient, pace: Pace) -> None:
        self._client = client
        self._pace = pace
        self.page: str = ""
        self.path: str = ""

    async def open(self, path: str) -> None:
        """Look at a page."""
        response = await self._client.get(path)
        self.page, self.path = response.text, response.url.path

    async def submit(self, action: str, **fields: str) -> None:
        """Send a form of the present page when it is this visitor's turn."""
        token = _TOKEN.search(self.page)
        await self._pace.turn()
        form = {"form_token": token[1] if token else "", **fields}
        response = await self._client.post(action, data=form)
        self.page, self.path = response.text, response.url.path


@asynccontextmanager
async def browsing(url: str, *, person: Person, pace: Pace) -> AsyncIterator[Browser]:
    """Give a person a fresh browser on a site; loopback is the proxy that names their address."""
    headers = {"User-Agent": person.agent, "X-Forwarded-For": person.address}
    async with _client(url, headers=headers) as client:
        yield Browser(client, pace)


async def until_answered(url: str) -> None:
    """Wait until a site answers."""
    async with _client(url, headers={}) as client:
        while True:
            try:
                await client.get("/login")
            except HTTPError:
                await asyncio.sleep(_BETWEEN_TRIES)
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
