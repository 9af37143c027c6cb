import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

import sqreen_mw as sqreen
from sqreen_mw.middleware.asgi import SqreenMiddleware
from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware
from sqreen_mw.protocol.event import Event
from tests.transparency.asgi_drive import Server, scope_of
from tests.transparency.memory import Serve, Track, asgi, growth, wsgi
from tests.transparency.wsgi_drive import environ_of
from tests.transparency.wsgi_tap import Environ, StartResponse

pytestmark = pytest.mark.slow

REQUESTS = 10_000
GROWTH = 5 * 1024 * 1024 * REQUESTS // 100_000
"""Bytes; 5 MiB would be for 100,000 requests."""


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Switch off the garbage collector during the test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Watched(dict[str, Any]):
    """A scope or an environ that weak references can point to."""


def starlette_app(seen: list[weakref.ref[Request]]) -> Starlette:
    """Return a site that collects weak references to its requests."""

    async def view(request: Request) -> PlainTextResponse:
        seen.append(weakref.ref(request))
        await request.body()
        sqreen.track("x")
        return PlainTextResponse("ok")

    async def stream(request: Request) -> StreamingResponse:
        seen.append(weakref.ref(request))
        sqreen.track("x")
        return StreamingResponse(iter(["a", "b"]))

    async def fail(request: Request) -> PlainTextResponse:
        seen.append(weakref.ref(request))
        sqreen.track("x")
        raise ValueError("the app's")

    views = {"view": view, "stream": stream, "fail": fail}
    routes = [Route(f"/{name}", each, methods=["POST"]) for name, each in views.items()]
    return Starlette(routes=routes)


async def _serve(app: Any, scope: Watched) -> None:
    server = Server([{"type": "http.request", "body": b"x"}])
    try:
        await app(scope, server.receive, server.send)
    except ValueError as error:
        error.__traceback__ = None


def _alive(path: str, *, wrapped: bool) -> list[bool]:
    """Return whether scope and request are alive after the response."""
    seen: list[weakref.ref[Request]] = []
    bare = starlette_app(seen)
    app: Any = SqreenMiddleware(bare) if wrapped else bare
    scope = Watched(scope_of("http", path))
    scopes = weakref.ref(scope)
    asyncio.run(_serve(app, scope))
    del scope
    return [scopes() is not None, seen[0]() is not None]


@pytest.mark.usefixtures("memory", "no_collection")
@pytest.mark.parametrize("path", ["view", "stream", "fail"])
def test_starlette_request_is_freed_as_early_as_bare(path: str) -> None:
    """Scope and request are freed as early as without the middleware."""
    assert _alive(path, wrapped=True) == _alive(path, wrapped=False)


@pytest.mark.usefixtures("memory", "no_collection")
def test_scope_is_freed_at_once() -> None:
    """The scope is freed when the request ends, although its event is still queued."""
    assert _alive("view", wrapped=True) == [False, False]


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.usefixtures("no_collection")
def test_environ_is_freed_at_once(memory: list[Event], *, streams: bool) -> None:
    """An environ and its body are freed when the response is closed."""

    def app(environ: Environ, start: StartResponse) -> Any:
        start("200 OK", [])
        environ["wsgi.input"].read(3)
        sqreen.track("x", collect_body=True)
        return iter([b"x"]) if streams else [b"x"]

    middleware = SqreenWSGIMiddleware(app)
    environ = Watched(environ_of("x", length=3, CONTENT_TYPE="text/plain"))
    reference = weakref.ref(environ)
    body: Any = middleware(environ, lambda *_: bytearray().extend)
    assert [*body] == [b"x"]
    if streams:
        body.close()
    del environ

    assert reference() is None
    assert sqreen.flush()
    assert len(memory) == 1


def _flask_alive(*, wrapped: bool) -> bool:
    app = Flask("site")

    @app.get("/x")
    def view() -> str:
        sqreen.track("x")
        return "ok"

    entry: Any = SqreenWSGIMiddleware(app.wsgi_app) if wrapped else app.wsgi_app
    environ = Watched(environ_of("x", REQUEST_METHOD="GET"))
    reference = weakref.ref(environ)
    body = entry(environ, lambda *_: bytearray().extend)
    assert b"".join(body) == b"ok"
    body.close()
    del environ, body
    return reference() is not None


@pytest.mark.usefixtures("memory", "no_collection")
def test_flask_environ_is_freed_as_early_as_bare() -> None:
    """An environ of Flask is freed as early as without the middleware."""
    assert _flask_alive(wrapped=True) == _flask_alive(wrapped=False)


@pytest.mark.parametrize("make", [asgi, wsgi])
def test_memory_does_not_grow_with_requests(
    memory: list[Event], make: Callable[[Track], Serve]
) -> None:
    """After 10,000 requests, some with events, memory has hardly grown."""
    requests = iter(range(10**9))

    def track() -> None:
        if next(requests) % 100 == 0:
            sqreen.track("x", properties={"a": "b"})

    def serve(count: int) -> None:
        serve_all(count)
        assert sqreen.flush()
        memory.clear()

    serve_all = make(track)

    assert growth(serve, REQUESTS) < GROWTH
