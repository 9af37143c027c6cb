"""A site that tracks events in each request until it is killed."""

import os
import struct
import threading
import time
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sqreen_mw.middleware.asgi import SqreenMiddleware


def tick() -> None:
    """Write the time to a file every 20 ms."""
    with Path(os.environ["TICKS"]).open("wb", buffering=0) as file:
        while True:
            file.write(struct.pack("d", time.monotonic()))
            time.sleep(0.02)


async def order(request: Request) -> JSONResponse:
    """Track events, and return their ids and times."""
    params = request.query_params
    properties = {f"part_{place}": "x" * 4000 for place in range(int(params["parts"]))}
    tracked: list[tuple[str, float]] = []
    for _ in range(int(params["events"])):
        event_id = request.state.sqreen.track(params["name"], properties=properties)
        tracked.append((event_id, time.monotonic()))
    return JSONResponse(tracked)


threading.Thread(target=tick, daemon=True).start()
app = Starlette(routes=[Route("/order", order)])
app.add_middleware(SqreenMiddleware)
