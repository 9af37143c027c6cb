"""Limit the number of open live tails."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

from starlette.exceptions import HTTPException

from sqreen_mw.collector.dashboard.web.page_context import PageContext

MAX_TAILS: Final = 500
"""Maximum number of live tails of all sessions."""

MAX_SESSION_TAILS: Final = 10
"""Maximum number of live tails of one session."""


def check_live_tails(page: PageContext) -> None:
    """Check that a session may open one more live tail.

    Raises:
        HTTPException: 429 if there are too many.
    """
    tails = page.services.live_tails
    if tails[_owner(page)] >= MAX_SESSION_TAILS or tails.total() >= MAX_TAILS:
        raise HTTPException(
            429, "Too many live tails are open: close one.", headers={"retry-after": "5"}
        )


async def counted_tail(
    page: PageContext, messages: AsyncGenerator[str, None]
) -> AsyncIterator[str]:
    """Yield the messages of a live tail, and count it until its end."""
    tails, owner = page.services.live_tails, _owner(page)
    tails[owner] += 1
    try:
        async with aclosing(messages):
            async for message in messages:
                yield message
    finally:
        tails[owner] -= 1
        if not tails[owner]:
            del tails[owner]


def _owner(page: PageContext) -> int:
    return 0 if page.session is None else page.session.id
