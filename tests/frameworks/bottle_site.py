"""The site in Bottle."""

from typing import Any

from bottle import Bottle, request

import sqreen_mw as sqreen
from sqreen_mw import SqreenWSGIMiddleware

bottle = Bottle()


@bottle.get("/hello/<name>")
def hello(name: str) -> str:
    """Identify, and track through the request and the module."""
    request.environ["sqreen.request"].track("by.request", properties={"name": name})
    sqreen.track("by.module", request=request)
    sqreen.identify({"email": f"{name}@example.org"})
    return f"hello {name}"


@bottle.post("/coupons")
def coupons() -> Any:
    """Read a JSON body."""
    sqreen.track("coupon.applied", collect_body=True)
    return request.json


@bottle.get("/boom")
def boom() -> str:
    """Raise an error."""
    sqreen.track("boom")
    raise RuntimeError("a failing view")


app = SqreenWSGIMiddleware(bottle)
