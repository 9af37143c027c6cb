"""The flusher's own event loop."""

import asyncio
from typing import Any

from sqreen_mw.agent.native import native


class OwnResolverLoop(asyncio.SelectorEventLoop):
    """A loop that resolves host names on its own thread, without asyncio's executor.

    When atexit handlers run, the executor takes no more work on any Python, so a first connection
    to a host name would fail there, and so would gevent's resolver. Nobody else runs on this loop,
    so nobody is held up. What a name was last is kept for when the resolver fails.
    """

    _whole = False

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[object, Any] = {}
        self._whole = True

    def is_closed(self) -> bool:
        """Tell whether it is closed, or never was whole, as no descriptor was free for it."""
        return not self._whole or super().is_closed()

    async def getaddrinfo(self, *args: Any, **keywords: Any) -> Any:
        """Resolve a name; see ``socket.getaddrinfo``."""
        asked = (args, *keywords.items())
        try:
            found = self._known[asked] = native("socket", "getaddrinfo")(*args, **keywords)
        except OSError:
            if asked not in self._known:
                raise
            return self._known[asked]
        return found

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """Resolve an address; see ``socket.getnameinfo``."""
        name: tuple[str, str] = native("socket", "getnameinfo")(sockaddr, flags)
        return name
