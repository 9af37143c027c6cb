"""One request that passes several middlewares and frameworks has one context.

Its events arrive once, with the request of the outermost middleware, and are sealed at its end.
"""

import asyncio
import warnings
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from fastapi import FastAPI, Request
from flask import Flask, request_started, send_file, stream_with_context
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

import sqreen_mw as sqreen
from sqreen_mw.agent.context import current_request
from sqreen_mw.protocol.event import Event, RequestInfo
from tests.support.optional import need_module

JANE = {"email": "jane@example.org"}
BODY = {"code": "SPRING"}


def to_asgi(adapter: str, app: Any) -> Any:
    """Return a WSGI app as an ASGI app."""
    if adapter == "starlette":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = need_module("starlette.middleware.wsgi", package="starlette")
        return module.WSGIMiddleware(app)
    if adapter == "asgiref":
        return need_module("asgiref.wsgi", package="asgiref").WsgiToAsgi(app)
    return need_module("a2wsgi", package="a2wsgi").WSGIMiddleware(app)


def to_wsgi(app: Any) -> Any:
    """Return an ASGI app as a WSGI app."""
    return need_module("a2wsgi", package="a2wsgi").ASGIMiddleware(app)


def flask_app(*, extension: bool = True) -> Flask:
    """Return a Flask app that identifies the user between two events."""
    app = Flask(__name__)
    if extension:
        sqreen.Sqreen(app)

    @app.post("/pay/<code>")
    def pay(code: str) -> Any:
        sqreen.track("by.module", collect_body=True)
        sqreen.identify(JANE)
        sqreen.track("by.name", request=flask_request.environ)
        return flask_request.json, 201

    return app


def starlette_app(*middlewares: Any) -> Any:
    """Return a Starlette app that does the same."""

    async def pay(request: Request) -> JSONResponse:
        sqreen.track("by.module", collect_body=True)
        sqreen.identify(JANE)
        sqreen.track("by.name", request=request)
        return JSONResponse(await request.json(), status_code=201)

    app: Any = Starlette(routes=[Route("/pay/{code}", pay, methods=["POST"])])
    for middleware in middlewares:
        app = middleware(app)
    return app


def one_request(memory: list[Event]) -> RequestInfo:
    """Return the only request of two events of Jane's, each of which arrived once."""
    assert sqreen.flush()
    assert sorted(event.name for event in memory) == ["by.module", "by.name"]
    first, second = (event.request for event in memory)
    assert first is not None
    assert second is not None
    assert first.id == second.id
    assert [event.user_identifiers for event in memory] == [JANE, JANE]
    return first


def check(request: RequestInfo, *, path: str = "/pay/7") -> None:
    """Check the path, the query, the status and the body of the request."""
    assert (request.verb, request.path, request.status) == ("POST", path, 201)
    assert request.params.query == {"a": ["1"]}
    assert request.params.json == BODY


ADAPTERS = ["a2wsgi", "starlette", "asgiref"]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_wsgi_app_behind_an_adapter_shares_the_outer_context(
    memory: list[Event], adapter: str
) -> None:
    """Our ASGI middleware is around the adapter, and our WSGI middleware is inside."""
    app = sqreen.SqreenMiddleware(to_asgi(adapter, flask_app()))

    assert TestClient(app).post("/pay/7?a=1", json=BODY).json() == BODY

    request = one_request(memory)
    check(request)
    assert (request.ip, request.route) == (None, "/pay/<code>")
    assert request.params.path == {"code": "7"}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_mounted_wsgi_app_shares_the_outer_context(memory: list[Event], adapter: str) -> None:
    """A FastAPI app mounts a Flask app, and both have our middleware."""
    app = FastAPI()
    app.mount("/shop", to_asgi(adapter, flask_app()))
    app.add_middleware(sqreen.SqreenMiddleware)

    assert TestClient(app).post("/shop/pay/7?a=1", json=BODY).json() == BODY

    check(one_request(memory), path="/shop/pay/7")


@pytest.mark.parametrize("inner", [True, False])
def test_asgi_app_behind_an_adapter_shares_the_outer_context(
    memory: list[Event], *, inner: bool
) -> None:
    """Our WSGI middleware is around the adapter, and our ASGI middleware may be inside."""
    middlewares = [sqreen.SqreenMiddleware] if inner else []
    app = sqreen.SqreenWSGIMiddleware(to_wsgi(starlette_app(*middlewares)))

    assert Client(app).post("/pay/7?a=1", json=BODY).json == BODY

    request = one_request(memory)
    check(request)
    assert request.route == ("/pay/{code}" if inner else None)
    assert request.params.path == ({"code": "7"} if inner else {})


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("outer", [True, False])
def test_flask_app_that_another_library_took_first_has_its_request(
    memory: list[Event], adapter: str, *, outer: bool
) -> None:
    """The extension comes later. A middleware of ours may be around the adapter."""
    app = flask_app(extension=False)
    taken = to_asgi(adapter, app.wsgi_app)
    sqreen.Sqreen(app)
    entry = sqreen.SqreenMiddleware(taken) if outer else taken

    assert TestClient(entry).post("/pay/7?a=1", json=BODY).json() == BODY

    request = one_request(memory)
    check(request)
    assert request.route == "/pay/<code>"
    assert current_request() is None


def environ_of(path: str, **changes: Any) -> dict[str, Any]:
    """Return the environ of a plain request."""
    environ = {"PATH_INFO": path, **changes}
    setup_testing_defaults(environ)
    return environ


class Served:
    """A WSGI server that keeps the status, the parts, and the current request between parts."""

    def __init__(self, app: Any, path: str) -> None:
        self.status = ""
        self.environ = environ_of(path)
        body = app(self.environ, self.start)
        self.parts = list(body)
        if hasattr(body, "close"):
            body.close()

    def start(self, status: str, *_: object) -> Callable[[bytes], None]:
        """Start a response."""
        self.status = status
        return lambda _: None


def streamed_parts() -> Iterator[str]:
    """Track while streaming."""
    sqreen.track("streamed")
    yield "x"


def bypassed_app(**settings: Any) -> tuple[Flask, Any]:
    """Return a Flask app with our extension, and its entry point from before that."""
    app = Flask(__name__)
    entry = app.wsgi_app
    sqreen.Sqreen(app, **settings)

    @app.teardown_request
    def tear_down(_: BaseException | None) -> None:
        sqreen.track("teardown")

    @app.get("/<name>")
    def plain(name: str) -> str:
        accepted = sqreen.track(name) is not None
        if name == "boom":
            raise RuntimeError("a failing view")
        return str(accepted)

    @app.get("/stream")
    def stream() -> Any:
        return streamed_parts()

    @app.get("/stream/context")
    def stream_in_context() -> Any:
        return stream_with_context(streamed_parts())

    @app.get("/file")
    def file() -> Any:
        sqreen.track("file")
        return send_file(__file__)

    return app, entry


@pytest.mark.parametrize(
    ("path", "names", "status"),
    [
        ("/plain", ["plain", "teardown"], 200),
        ("/stream", ["teardown", "streamed"], 200),
        ("/stream/context", ["streamed", "teardown"], 200),
        ("/file", ["file", "teardown"], 200),
        ("/boom", ["boom", "teardown"], 500),
        ("/no/where", ["teardown"], 404),
    ],
)
def test_bypassing_request_ends_with_its_response(
    memory: list[Event], path: str, names: list[str], status: int
) -> None:
    """Streams, files and errors belong to the request, and the next one starts anew."""
    _, entry = bypassed_app()

    served = [Served(entry, path) for _ in range(2)]

    assert current_request() is None
    assert served[0].status.startswith(str(status))
    assert not served[0].environ["sqreen.request"].defers_events
    assert sqreen.flush()
    assert {event.name for event in memory} == set(names)
    ids = [event.request and event.request.id for event in memory]
    assert len(set(ids)) == 2
    assert {event.request and event.request.path for event in memory} == {path}
    assert {event.request and event.request.status for event in memory} == {status}


def test_bypassing_request_of_an_ignored_path_has_no_events(memory: list[Event]) -> None:
    """``ignore_paths`` applies to it."""
    _, entry = bypassed_app(ignore_paths="/plain")

    assert Served(entry, "/plain").parts == [b"False"]
    assert sqreen.flush()
    assert memory == []


def test_context_before_the_first_hook_is_that_of_the_request(memory: list[Event]) -> None:
    """A receiver of Flask's signals may use ``request.sqreen`` before our hook runs."""
    app, entry = bypassed_app()

    def receive(*_: object, **__: object) -> None:
        flask_request.sqreen.track("started")  # type: ignore[attr-defined]  # the extension's

    with request_started.connected_to(receive, app):
        Served(entry, "/plain")

    assert sqreen.flush()
    assert [event.name for event in memory] == ["started", "plain", "teardown"]
    assert len({event.request and event.request.id for event in memory}) == 1


@pytest.mark.parametrize("replaced", [True, False])
def test_app_may_be_replaced_after_the_extension(memory: list[Event], *, replaced: bool) -> None:
    """Another library may drop our middleware, or wrap it."""
    app = flask_app(extension=False)
    original = app.wsgi_app
    sqreen.Sqreen(app)
    app.wsgi_app = ProxyFix(original if replaced else app.wsgi_app)  # type: ignore[method-assign]

    assert Client(app).post("/pay/7?a=1", json=BODY).json == BODY

    check(one_request(memory))


def test_mounted_flask_apps_share_one_request(memory: list[Event]) -> None:
    """An app mounts another one, and both have the extension."""
    app, inner = Flask(__name__), flask_app()
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/shop": inner.wsgi_app})  # type: ignore[method-assign]
    sqreen.Sqreen(app)

    assert Client(app).post("/shop/pay/7?a=1", json=BODY).json == BODY

    check(one_request(memory), path="/shop/pay/7")


@pytest.mark.parametrize("django_mode", ["wsgi", "asgi"])
def test_django_behind_an_adapter_shares_the_outer_context(
    memory: list[Event], django_mode: str
) -> None:
    """Django's middleware uses the context of the one around the adapter."""
    need_module("tests.middleware.django_site.client", package="django")
    site = need_module(f"tests.middleware.django_site.{django_mode}", package="django")
    if django_mode == "wsgi":
        outer: Any = sqreen.SqreenMiddleware(to_asgi("a2wsgi", site.application))
        assert TestClient(outer).get("/hello/jane/").text == "ok"
    else:
        outer = sqreen.SqreenWSGIMiddleware(to_wsgi(site.application))
        assert Client(outer).get("/hello/jane/").text == "ok"

    assert sqreen.flush()
    assert [event.name for event in memory] == ["by.request", "by.module", "by.name"]
    assert len({event.request and event.request.id for event in memory}) == 1
    request = memory[0].request
    assert request is not None
    assert (request.path, request.route, request.status) == (
        "/hello/jane/",
        "/hello/<str:name>/",
        200,
    )


def test_three_frameworks_share_one_request(memory: list[Event]) -> None:
    """Starlette mounts Flask, which serves another Starlette app at some paths."""
    inner = to_wsgi(starlette_app(sqreen.SqreenMiddleware))
    flask = Flask(__name__)
    flask.wsgi_app = DispatcherMiddleware(flask.wsgi_app, {"/deep": inner})  # type: ignore[method-assign]
    sqreen.Sqreen(flask)
    app = Starlette(routes=[Mount("/shop", to_asgi("a2wsgi", flask))])
    app.add_middleware(sqreen.SqreenMiddleware)

    assert TestClient(app).post("/shop/deep/pay/7?a=1", json=BODY).json() == BODY

    check(one_request(memory), path="/shop/deep/pay/7")


@pytest.mark.parametrize("path", ["/other", "/pay/7?b=2"])
def test_request_to_another_app_inside_a_view_is_another_request(
    memory: list[Event], path: str
) -> None:
    """A view may call a WSGI app by itself; its events have their own request."""
    other = sqreen.SqreenWSGIMiddleware(_track_path)

    async def view(request: Request) -> JSONResponse:
        sqreen.track("outer")
        agent = {"User-Agent": request.headers["User-Agent"]}
        return JSONResponse(Client(other).get(path, headers=agent).text)

    app = Starlette(routes=[Route("/pay/{code}", view)])
    app.add_middleware(sqreen.SqreenMiddleware)

    assert TestClient(app).get("/pay/7?a=1").json() == "ok"
    assert sqreen.flush()
    found = {event.name: event.request and event.request.path for event in memory}
    assert found == {"outer": "/pay/7", "inner": path.partition("?")[0]}


def _track_path(_: object, start: Any) -> list[bytes]:
    sqreen.track("inner")
    start("200 OK", [])
    return [b"ok"]


def test_part_of_a_batch_is_a_request_of_its_own(memory: list[Event]) -> None:
    """A WSGI request inside of another one with equal values has its own path and no user."""
    sqreen.SqreenMiddleware(starlette_app())  # both sides are in this process

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/batch":
            sqreen.identify(JANE)
            Client(wrapped).post("/", headers={"User-Agent": "one"})
        sqreen.track(f"at {environ['PATH_INFO']}")
        start_response("200 OK", [])
        return [b""]

    wrapped = sqreen.SqreenWSGIMiddleware(app)
    Client(wrapped).post("/batch", headers={"User-Agent": "one"})
    sqreen.flush(10)

    found = {event.name: event for event in memory}
    assert {event.request.path for event in memory if event.request} == {"/", "/batch"}
    assert found["at /"].user_identifiers == {}
    assert found["at /batch"].user_identifiers == JANE


def test_finished_context_in_an_environ_is_replaced(memory: list[Event]) -> None:
    """A middleware that retries a failed request calls the app twice with one environ."""
    app = sqreen.SqreenWSGIMiddleware(_track_path)
    environ = environ_of("/retried")

    for _ in range(2):
        app(environ, lambda *_: lambda _: None)

    assert sqreen.flush()
    assert len({event.request and event.request.id for event in memory}) == 2


def test_request_inside_the_previous_one_of_its_connection_is_its_own(memory: list[Event]) -> None:
    """With pipelining, a server may start a request in the context of the previous one."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        sqreen.track(scope["name"])
        if scope["name"] == "first":
            await middleware({**plain, "name": "second"}, None, None)

    plain = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    middleware = sqreen.SqreenMiddleware(app)
    asyncio.run(middleware({**plain, "name": "first"}, None, None))

    assert sqreen.flush()
    assert len({event.request and event.request.id for event in memory}) == 2


def test_scope_without_the_outer_state_shares_the_context(memory: list[Event]) -> None:
    """A middleware between ours may leave the state out of the scope."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["sqreen"].track("inner")

    async def between(scope: Any, receive: Any, send: Any) -> None:
        sqreen.track("outer")
        rebuilt = {key: value for key, value in scope.items() if key != "state"}
        await sqreen.SqreenMiddleware(app)(rebuilt, receive, send)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"shop.test")]}
    asyncio.run(sqreen.SqreenMiddleware(between)(scope, None, None))

    assert sqreen.flush()
    assert [event.name for event in memory] == ["outer", "inner"]
    assert len({event.request and event.request.id for event in memory}) == 1


def test_context_in_a_thread_without_contextvars_is_shared(memory: list[Event]) -> None:
    """An inner middleware finds the context in the environ if a library drops contextvars."""

    def hop(environ: Any, start: Any) -> Any:
        return Context().run(sqreen.SqreenWSGIMiddleware(inner), environ, start)

    def inner(environ: Any, start: Any) -> list[bytes]:
        environ["sqreen.request"].track("x")
        start("200 OK", [])
        return [b"ok"]

    environ = environ_of("/hop")
    sqreen.SqreenWSGIMiddleware(hop)(environ, lambda *_: lambda _: None)

    assert sqreen.flush()
    assert [event.request and event.request.path for event in memory] == ["/hop"]
