"""Delivery starts with the first request or lifespan, before any event is tracked."""

from collections.abc import Callable
from wsgiref.util import setup_testing_defaults

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

import sqreen_mw as sqreen
from tests.agent.conftest import eventually
from tests.support.faulty_collector import FaultyCollector, collector

pytestmark = pytest.mark.slow

__all__ = ["collector", "eventually"]


def asgi(url: str, *, ignored: list[str]) -> Starlette:
    """Return an ASGI app that does not track."""
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("ok"))])
    app.add_middleware(sqreen.SqreenMiddleware, url=url, token="t", ignore_paths=ignored)
    return app


def live(url: str) -> None:
    """Start and end a lifespan."""
    with TestClient(asgi(url, ignored=[])):
        pass


def ask(url: str) -> None:
    """Send a request to a server that has no lifespan."""
    assert TestClient(asgi(url, ignored=[])).get("/").text == "ok"


def ask_for_an_ignored_path(url: str) -> None:
    """Send a request to an ignored path."""
    assert TestClient(asgi(url, ignored=["/"])).get("/").text == "ok"


def ask_wsgi(url: str) -> None:
    """Send a request to a WSGI app that does not track."""

    def app(_: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [])
        return [b"ok"]

    environ: dict[str, object] = {}
    setup_testing_defaults(environ)
    middleware = sqreen.SqreenWSGIMiddleware(app, url=url, token="t")
    assert middleware(environ, lambda *_: lambda _: None) == [b"ok"]


@pytest.mark.parametrize("begin", [live, ask, ask_for_an_ignored_path, ask_wsgi])
def test_first_request_sends_a_heartbeat(
    collector: FaultyCollector,
    eventually: Callable[[Callable[[], object]], None],
    begin: Callable[[str], None],
) -> None:
    """The first request or the start of the lifespan is enough."""
    begin(collector.url)

    eventually(lambda: collector.beats)
    assert collector.posts == []


def test_creating_a_middleware_starts_no_delivery(collector: FaultyCollector) -> None:
    """A master process that only forks must not start the delivery."""
    sqreen.SqreenMiddleware(Starlette(), url=collector.url, token="t")

    assert sqreen.close(5.0) == 0
    assert collector.beats == []
