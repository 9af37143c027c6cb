"""Limit the number of open live tails."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from sqreen_mw.collector.dashboard.web.page_context import PageContext

MAX_TAILS: Final = 500
"""Maximum number of live tails of all users."""

MAX_USER_TAILS: Final = 10
"""Maximum number of live tails of one user, in all sessions."""


class LiveTailResponse(StreamingResponse):
    """A response that counts as a live tail of its user, from its creation to its end.

    Don't wait between the creation and the call.

    Raises:
        HTTPException: 429 if there are too many live tails.
    """

    def __init__(self, page: PageContext, messages: AsyncGenerator[str, None]) -> None:
        # x-accel-buffering: without it nginx buffers the stream.
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(messages, media_type="text/event-stream", headers=headers)
        self._messages = messages
        self._tails = page.services.live_tails
        self._user = 0 if page.session is None else page.session.user.id
        if self._tails[self._user] >= MAX_USER_TAILS or self._tails.total() >= MAX_TAILS:
            raise HTTPException(
                429, "Too many live tails are open: close one.", headers={"retry-after": "5"}
            )
        self._tails[self._user] += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the messages."""
        try:
            async with aclosing(self._messages):
                await super().__call__(scope, receive, send)
        finally:
            self._tails[self._user] -= 1
            if not self._tails[self._user]:
                del self._tails[self._user]
