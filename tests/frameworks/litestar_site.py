"""The site in Litestar."""

from typing import Any

from litestar import Litestar, Request, get, post

import sqreen_mw as sqreen
from sqreen_mw import SqreenMiddleware


@get("/hello/{name:str}")
async def hello(name: str, request: Request[Any, Any, Any]) -> str:
    """Identify, and track through the request and the module."""
    request.state.sqreen.track("by.request", properties={"name": name})
    sqreen.track("by.module")
    sqreen.identify({"email": f"{name}@example.org"})
    return f"hello {name}"


@get("/thread/{name:str}", sync_to_thread=True)
def thread(name: str) -> str:
    """Do the same in a thread."""
    sqreen.track("by.module")
    sqreen.identify({"email": f"{name}@example.org"})
    return f"hello {name}"


@post("/coupons", status_code=200)
async def coupons(data: dict[str, Any]) -> dict[str, Any]:
    """Read a JSON body."""
    sqreen.track("coupon.applied", collect_body=True)
    return data


@get("/boom")
async def boom() -> None:
    """Raise an error."""
    sqreen.track("boom")
    raise RuntimeError("a failing view")


async def deliver() -> None:
    """Deliver before the server stops, because Litestar passes no lifespan to middleware."""
    await sqreen.aflush()


app = Litestar([hello, thread, coupons, boom], middleware=[SqreenMiddleware], on_shutdown=[deliver])
