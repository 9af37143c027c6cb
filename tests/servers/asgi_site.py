"""A site of Starlette's that tracks on each order."""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sqreen_mw import SqreenMiddleware
from tests.servers.table import Held
from tests.servers.witness import note, tracked


async def ready(_: Request) -> PlainTextResponse:
    """Track nothing."""
    return PlainTextResponse("ready")


async def order(_: Request) -> PlainTextResponse:
    """Track an event."""
    return PlainTextResponse(tracked())


site = Starlette(routes=[Route("/", ready), Route("/order", order)])
site.add_middleware(SqreenMiddleware)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve the site, and note the end of its lifespan."""

    async def noting_send(message: Any) -> None:
        if message["type"] == "lifespan.shutdown.complete":
            note(Held.LIFESPAN)
        await send(message)

    await site(scope, receive, noting_send)
