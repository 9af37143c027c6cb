"""A small ASGI server in this process. It sends prepared messages and records the others."""

from collections.abc import Sequence
from typing import Any

import anyio.lowlevel

from sqreen_mw.middleware.asgi import SqreenMiddleware
from tests.transparency.asgi_tap import App, Message, Scope, Tap
from tests.transparency.record import Records

DISCONNECT: Message = {"type": "http.disconnect"}


def scope_of(kind: str, name: str, /, **more: Any) -> Scope:
    """Return the scope of a request."""
    method = {"method": "POST"} if kind == "http" else {"subprotocols": ["chat"]}
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "path": f"/{name}",
        "raw_path": f"/{name}".encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"coupon=SPRING",
        "headers": [(b"host", b"shop.test"), (b"x-case", b"case")],
        "client": ("203.0.113.9", 4711),
        "server": ("127.0.0.1", 80),
        **method,
        **more,
    }


def variant(app: App, *, wrapped: bool, records: Records) -> App:
    """Return an application between two taps, with or without the middleware."""
    inside: App = Tap(app, side="in", records=records)
    return Tap(SqreenMiddleware(inside) if wrapped else inside, side="out", records=records)


class Server:
    """The ``receive`` and ``send`` of a server.

    Attributes:
        sent: The messages of the application.
    """

    def __init__(self, incoming: Sequence[Message], *, breaks_after: int = 1000) -> None:
        """Prepare messages; ``send`` fails after a number of messages."""
        self._incoming = list(incoming)
        self._breaks_after = breaks_after
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        """Return the next message; after the last one, a disconnect."""
        await anyio.lowlevel.checkpoint()
        return self._incoming.pop(0) if self._incoming else DISCONNECT

    async def send(self, message: Message) -> None:
        """Record a message, while there is a connection."""
        await anyio.lowlevel.checkpoint()
        if len(self.sent) >= self._breaks_after:
            raise OSError("connection lost")
        _ = message["type"]
        headers = [*message.get("headers", ())]
        self.sent.append({**message, "headers": headers})
