"""The flusher's own event loop."""

import asyncio
from collections.abc import Callable
from typing import Any

from sqreen_mw.agent.delivery.resolver import Resolver
from sqreen_mw.agent.native import native


class OwnResolverLoop(asyncio.SelectorEventLoop):
    """A loop that resolves host names without asyncio's executor.

    When atexit handlers run, the executor takes no more work on any Python, so a first connection
    to a host name would fail there, and so would gevent's resolver.
    """

    _whole = False

    def __init__(self, *, before_blocking: Callable[[], None] = lambda: None) -> None:
        """Make a loop.

        Args:
            before_blocking: Called before a name is looked up on the loop's own thread, as no other
                one is to be had.
        """
        super().__init__()
        self._resolver = Resolver(self, before_blocking=before_blocking)
        self._whole = True

    def is_closed(self) -> bool:
        """Tell whether it is closed, or never was whole, as no descriptor was free for it."""
        return not self._whole or super().is_closed()

    async def getaddrinfo(self, *args: Any, **keywords: Any) -> Any:
        """Resolve a name; see ``socket.getaddrinfo``."""
        return await self._resolver.look_up((args, tuple(keywords.items())))

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """Resolve an address; see ``socket.getnameinfo``."""
        name: tuple[str, str] = native("socket", "getnameinfo")(sockaddr, flags)
        return name
