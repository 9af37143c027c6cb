"""A site that tracks on each request, and is killed while it serves."""

import time

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sqreen_mw.middleware.asgi import SqreenMiddleware


async def order(request: Request) -> JSONResponse:
    """Track events, and tell their ids and when they were tracked."""
    params = request.query_params
    properties = {f"part_{place}": "x" * 4000 for place in range(int(params["parts"]))}
    tracked: list[tuple[str, float]] = []
    for _ in range(int(params["events"])):
        event_id = request.state.sqreen.track(params["name"], properties=properties)
        tracked.append((event_id, time.monotonic()))
    return JSONResponse(tracked)


app = Starlette(routes=[Route("/order", order)])
app.add_middleware(SqreenMiddleware)
