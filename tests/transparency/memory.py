"""Requests in this process, and the memory that they leave."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from typing import Any, Unpack

from sqreen_mw.agent.config.config import Settings
from sqreen_mw.middleware.asgi import SqreenMiddleware
from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware
from tests.transparency.asgi_drive import scope_of
from tests.transparency.asgi_tap import Message, Receive, Scope, Send
from tests.transparency.wsgi_drive import environ_of
from tests.transparency.wsgi_tap import Environ, StartResponse

Track = Callable[[], object]
Serve = Callable[[int], None]


def asgi(track: Track, **settings: Unpack[Settings]) -> Serve:
    """Return a function that serves a number of ASGI requests with bodies."""

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})
        track()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * 1000, "more_body": False}

    async def send(_message: Message) -> None:
        """Ignore the message."""

    middleware = SqreenMiddleware(app, **settings)

    async def serve(count: int) -> None:
        for _ in range(count):
            await middleware(scope_of("http", "x"), receive, send)

    return lambda count: asyncio.run(serve(count))


def wsgi(track: Track, **settings: Unpack[Settings]) -> Serve:
    """Return a function that serves a number of WSGI requests, every second one streaming."""

    def app(environ: Environ, start: StartResponse) -> Any:
        start("200 OK", [])
        track()
        return [b"x"] if environ["streams"] else (part for part in (b"x", b"y"))

    middleware = SqreenWSGIMiddleware(app, **settings)

    def serve(count: int) -> None:
        for number in range(count):
            environ = environ_of("x", streams=number % 2)
            body: Any = middleware(environ, lambda *_: bytearray().extend)
            _ = [*body]
            if hasattr(body, "close"):
                body.close()

    return serve


def growth(serve: Serve, count: int) -> int:
    """Return the growth of traced memory in bytes, after a warm-up."""
    serve(count // 10)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        serve(count)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
