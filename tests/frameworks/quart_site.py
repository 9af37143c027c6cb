"""The site in Quart."""

from typing import Any

from quart import Quart, request

import sqreen_mw as sqreen
from sqreen_mw import SqreenMiddleware

app = Quart(__name__)
app.asgi_app = SqreenMiddleware(app.asgi_app)  # type: ignore[method-assign]  # as Quart documents it


@app.get("/hello/<name>")
async def hello(name: str) -> str:
    """Identify, and track through the request and the module."""
    state: Any = request.scope["state"]
    state["sqreen"].track("by.request", properties={"name": name})
    sqreen.track("by.module", request=request)
    sqreen.identify({"email": f"{name}@example.org"})
    return f"hello {name}"


@app.get("/thread/<name>")
def thread(name: str) -> str:
    """Do the same in a thread."""
    sqreen.track("by.module")
    sqreen.identify({"email": f"{name}@example.org"})
    return f"hello {name}"


@app.post("/coupons")
async def coupons() -> Any:
    """Read a JSON body."""
    sqreen.track("coupon.applied", collect_body=True)
    return await request.get_json()


@app.get("/boom")
async def boom() -> str:
    """Raise an error."""
    sqreen.track("boom")
    raise RuntimeError("a failing view")
