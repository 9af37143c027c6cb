"""The flusher's own event loop."""

import asyncio
import socket
from typing import Any


class OwnResolverLoop(asyncio.SelectorEventLoop):
    """A loop that resolves host names on its own thread, without asyncio's executor.

    When atexit handlers run, the executor takes no more work on any Python, so a first connection
    to a host name would fail there. Nobody else runs on this loop, so nobody is held up.
    """

    async def getaddrinfo(self, *args: Any, **keywords: Any) -> Any:
        """Resolve a name; see ``socket.getaddrinfo``."""
        return socket.getaddrinfo(*args, **keywords)

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """Resolve an address; see ``socket.getnameinfo``."""
        return socket.getnameinfo(sockaddr, flags)
