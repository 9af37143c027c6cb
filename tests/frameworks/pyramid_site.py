"""The site in Pyramid."""

from typing import Any

from pyramid.config import Configurator

import sqreen_mw as sqreen
from sqreen_mw import SqreenWSGIMiddleware


def hello(request: Any) -> str:
    """Identify, and track through the request and the module."""
    name = request.matchdict["name"]
    request.environ["sqreen.request"].track("by.request", properties={"name": name})
    sqreen.track("by.module", request=request)
    sqreen.identify({"email": f"{name}@example.org"})
    return f"hello {name}"


def coupons(request: Any) -> Any:
    """Read a JSON body."""
    sqreen.track("coupon.applied", collect_body=True)
    return request.json_body


def boom(_: Any) -> str:
    """Raise an error."""
    sqreen.track("boom")
    raise RuntimeError("a failing view")


config = Configurator()
config.add_route("hello", "/hello/{name}")
config.add_route("coupons", "/coupons")
config.add_route("boom", "/boom")
config.add_view(hello, route_name="hello", renderer="string")
config.add_view(coupons, route_name="coupons", renderer="json", request_method="POST")
config.add_view(boom, route_name="boom", renderer="string")
app = SqreenWSGIMiddleware(config.make_wsgi_app())
