"""An ASGI site for real servers: all behaviours, bare and wrapped, and their records."""

import json
import sys

from sqreen_mw.middleware.asgi import SqreenMiddleware
from tests.transparency.asgi_apps import HTTP, WEBSOCKET, body, named, start
from tests.transparency.asgi_drive import variant
from tests.transparency.asgi_tap import App, Receive, Scope, Send, header
from tests.transparency.record import Records

records = Records()
_VARIANTS: dict[str, App] = {
    f"{kind}-{name}": variant(named(table), wrapped=name == "wrapped", records=records)
    for kind, table in {"http": HTTP, "websocket": WEBSOCKET}.items()
    for name in ("bare", "wrapped")
}


async def app(scope: Scope, receive: Receive, send: Send) -> object:
    """Serve a behaviour, or return the record of a request."""
    return await _chosen(scope)(scope, receive, send)


def _chosen(scope: Scope) -> App:
    if scope["type"] == "lifespan":
        return _lifespan
    if scope["path"] in {"/records", "/mark"}:
        return _report
    return _VARIANTS[f"{scope['type']}-{header(scope, b'x-variant', 'bare')}"]


async def _idle(_scope: Scope, receive: Receive, send: Send) -> None:
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})


_lifespan = SqreenMiddleware(_idle)


async def _report(scope: Scope, _receive: Receive, send: Send) -> None:
    """Return a record; for /mark, write a line into the log of the server."""
    if scope["path"] == "/mark":
        sys.stderr.write("----mark----\n")
        sys.stderr.flush()
    record = records.of(header(scope, b"x-case", ""))
    await start(send, 200, (b"content-type", b"application/json"))
    await body(send, json.dumps([record.done.is_set(), record.lines]).encode())
