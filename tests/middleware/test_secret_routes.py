from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from fastapi import APIRouter, FastAPI
from flask import Flask, g
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

import sqreen_mw as sqreen
from sqreen_mw.protocol.event import Event
from sqreen_mw.scrubbing.mask import MASK
from tests.support.optional import need_module

ID = "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"


def told(memory: list[Event]) -> tuple[str, str | None, dict[str, str]]:
    """Return the path, the route and the path parameters of the one event."""
    assert sqreen.flush()
    (event,) = memory
    assert event.request is not None
    return event.request.path, event.request.route, event.request.params.path


async def track(_: Request) -> PlainTextResponse:
    """Track an event."""
    sqreen.track("seen")
    return PlainTextResponse("ok")


class Bare:
    """An ASGI application without routes, which other middlewares may look like, too."""

    def __init__(self, app: ASGIApp | None = None) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Track where it is an application."""
        if self.app is None:
            sqreen.track("seen")
        await (self.app or PlainTextResponse("ok"))(scope, receive, send)


class Localized:
    """Takes a language off the path, where it stands."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve ``/en/x`` as ``/x``."""
        scope["path"] = scope["path"].removeprefix("/en")
        await self.app(scope, receive, send)


class Copying:
    """Hands on a copy of the scope, as the ASGI specification recommends."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the copy."""
        await self.app(dict(scope), receive, send)


CONFIRM = [Route("/confirm", track), Route("/{n:int}", track)]
BELOW = [Route("/go/{token}", track)]
STARLETTE = [
    Mount("/reset/{token}", routes=CONFIRM),
    Mount("/shops/{shop:int}", app=Bare(Starlette(routes=CONFIRM))),
    Mount("/uuid/{token:uuid}", routes=[Mount("/{secret:float}", routes=CONFIRM)]),
    Mount("/deep/{token:path}/below", routes=CONFIRM),
    Mount("/odd/{token}-{n}", routes=[Route("/", track)]),
    Mount("/bare/{token}", app=Bare()),
    Mount("/same/{token}", routes=[Mount("/{n}", routes=[Route("/{token}/{n}", track)])]),
    Mount("/plain", routes=[Route("/{token}", track)]),
    Mount("/hidden", app=Bare(Starlette(routes=[Mount("/{token}", routes=BELOW)]))),
    Mount("/files", app=Bare()),
    Route("/jwt/{token}.{format}", track),
    Route("/path/{token:path}/go/{n}", track),
    Route("/{token:uuid}/{action}", track),
    Route("/twice/{token}/{a}/{b}", track),
]


@pytest.mark.parametrize("root_path", ["", "/api"])
@pytest.mark.parametrize(
    ("path", "expected", "route"),
    [
        ("/reset/hunter2/confirm", f"/reset/{MASK}/confirm", "/reset/{token}/confirm"),
        ("/shops/007/confirm", "/shops/007/confirm", "/shops/{shop:int}/confirm"),
        (
            f"/uuid/{ID}/00.50/1",
            f"/uuid/{MASK}/{MASK}/1",
            "/uuid/{token:uuid}/{secret:float}/{n:int}",
        ),
        (
            "/deep/a/b/below/confirm",
            f"/deep/{MASK}/below/confirm",
            "/deep/{token:path}/below/confirm",
        ),
        ("/odd/hunter-2-3/", f"/odd/{MASK}/", "/odd/{token}-{n}/"),
        (
            "/same/hunter2/5/swordfish/6",
            f"/same/{MASK}/5/{MASK}/6",
            "/same/{token}/{n}/{token}/{n}",
        ),
        ("/plain/hunter2", f"/plain/{MASK}", "/plain/{token}"),
        ("/hidden/hunter2/go/swordfish", f"/{MASK}/go/{MASK}", "/{token:path}/go/{token}"),
        ("/bare/hunter2/some", f"/bare/{MASK}/some", "/bare/{token}/{path:path}"),
        ("/files/some/hunter2", "/files/some/hunter2", "/files/{path:path}"),
        ("/jwt/aa.bb.cc.json", f"/jwt/{MASK}", "/jwt/{token}.{format}"),
        ("/path/a/go/b/go/4", f"/path/{MASK}/go/4", "/path/{token:path}/go/{n}"),
        (f"/{ID}/confirm", f"/{MASK}/confirm", "/{token:uuid}/{action}"),
        ("/twice/1/1/1", f"/twice/{MASK}/{MASK}/{MASK}", "/twice/{token}/{a}/{b}"),
    ],
)
def test_starlettes_routes_tell_no_secret(
    memory: list[Event], root_path: str, path: str, expected: str, route: str
) -> None:
    """A mount's parameter stands in the route by its name, and every secret is masked."""
    app = Starlette(routes=STARLETTE)
    app.add_middleware(sqreen.SqreenMiddleware)

    assert TestClient(app, root_path=root_path).get(root_path + path).status_code == 200

    assert told(memory)[:2] == (root_path + expected, route)


def test_a_path_that_a_middleware_shortens_tells_no_secret(memory: list[Event]) -> None:
    """The route describes the path that the router has got."""
    app = Starlette(routes=[Route("/{token:path}", track)], middleware=[Middleware(Localized)])
    app.add_middleware(sqreen.SqreenMiddleware)

    TestClient(app).get("/en/hunter/2")

    assert told(memory) == (f"/en/{MASK}", "/{token:path}", {"token": MASK})


def test_inside_a_middleware_that_copies_the_scope_the_route_is_known(memory: list[Event]) -> None:
    """What is added first is the innermost, and sees what the router writes down."""
    app = Starlette(routes=[Route("/reset/{token}", track)])
    app.add_middleware(sqreen.SqreenMiddleware)
    app.add_middleware(Copying)

    TestClient(app).get("/reset/hunter2")

    assert told(memory)[:2] == (f"/reset/{MASK}", "/reset/{token}")


def test_fastapis_mounts_and_routers_tell_no_secret(memory: list[Event]) -> None:
    """A mounted application and an included router have their parameters by name."""
    below, app, router = FastAPI(), FastAPI(), APIRouter(prefix="/{secret}")

    @router.get("/go/{token:path}/on")
    def view(token: str) -> None:
        sqreen.track("seen", properties={"length": len(token)})

    below.include_router(router)
    app.mount("/m/{api_key}", below)
    app.add_middleware(sqreen.SqreenMiddleware)

    TestClient(app).get("/m/hunter2/swordfish/go/a/b/on")

    path, route, parameters = told(memory)
    assert path == f"/m/{MASK}/{MASK}/go/{MASK}/on"
    assert route == "/m/{api_key}/{secret}/go/{token:path}/on"
    assert parameters == dict.fromkeys(("api_key", "secret", "token"), MASK)


def make_flask() -> Flask:
    """Return an application whose hook takes a parameter away, as Flask's documentation has it."""
    app = Flask(__name__)
    sqreen.Sqreen(app)

    @app.url_value_preprocessor
    def take(_: str | None, values: dict[str, Any] | None) -> None:
        if values is not None and "lang" not in values:
            g.token = values.pop("token", None)

    @app.get("/invite/<token>/accept")
    @app.get("/<uuid:token>/<action>")
    @app.get("/<lang>/<path:token>/in")
    @app.get("/pages/", defaults={"token": "none-yet"})
    def view(**_: str) -> str:
        sqreen.track("seen")
        return "ok"

    return app


@pytest.mark.parametrize(
    ("path", "expected", "route"),
    [
        ("/invite/hunter2/accept", f"/invite/{MASK}/accept", "/invite/<token>/accept"),
        (f"/{ID}/hunter2", f"/{MASK}/hunter2", "/<uuid:token>/<action>"),
        ("/en/hunter/2/in", f"/en/{MASK}/in", "/<lang>/<path:token>/in"),
        ("/pages/", "/pages/", "/pages/"),
    ],
)
@pytest.mark.parametrize("script", ["", "/app"])
def test_flasks_routes_tell_no_secret(
    memory: list[Event], script: str, path: str, expected: str, route: str
) -> None:
    """Below a dispatcher as well, secrets are masked that the view is not even given."""
    app = sqreen.SqreenWSGIMiddleware(
        DispatcherMiddleware(
            lambda *_: [], {script: make_flask()} if script else {"": make_flask()}
        )
    )

    assert Client(app).get(script + path).status_code == 200

    assert told(memory)[:2] == (script + expected, route)


class Odd:
    """An object of a framework's in whose attributes nothing can be read."""

    def __getattr__(self, name: str) -> object:
        """Fail."""
        raise ValueError(name)


@pytest.mark.parametrize("key", ["werkzeug.request", "bottle.route"])
def test_a_rule_that_can_not_be_read_costs_the_route_alone(memory: list[Event], key: str) -> None:
    """An object that raises leaves the rest of the request to be told."""

    def site(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        environ[key] = Odd()
        sqreen.track("seen")
        start_response("200 OK", [])
        return []

    Client(sqreen.SqreenWSGIMiddleware(site)).get("/odd")

    assert told(memory) == ("/odd", None, {})


@pytest.mark.parametrize(
    ("path", "expected", "route"),
    [
        ("/reset/hunter2/5", f"/reset/{MASK}/5", "/reset/<token>/<n:int>"),
        ("/path/hunter/2/go", f"/path/{MASK}/go", "/path/<token:path>/go"),
        ("/ü/hunter2", f"/ü/{MASK}", "/ü/<token>"),
    ],
)
def test_bottles_routes_tell_no_secret(
    memory: list[Event], path: str, expected: str, route: str
) -> None:
    """Bottle writes a name before its filter; a request of Werkzeug's hides no rule."""
    bottle = need_module("bottle", package="bottle")
    app = bottle.Bottle()
    for rule in ("/reset/<token>/<n:int>", "/path/<token:path>/go", "/ü/<token>"):
        app.get(rule, callback=lambda **_: sqreen.track("seen"))

    assert Client(sqreen.SqreenWSGIMiddleware(app)).get(path).status_code == 200

    assert told(memory)[:2] == (expected, route)
