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
from sqreen_mw.protocol.mask import MASK
from tests.support.optional import need_module

ID = "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"


def described(memory: list[Event]) -> tuple[str, str | None, dict[str, str]]:
    """Return path, route and path parameters of the only event."""
    assert sqreen.flush()
    (event,) = memory
    assert event.request is not None
    return event.request.path, event.request.route, event.request.params.path


async def track(_: Request) -> PlainTextResponse:
    """Track an event."""
    sqreen.track("seen")
    return PlainTextResponse("ok")


class Bare:
    """An ASGI app without routes."""

    def __init__(self, app: ASGIApp | None = None) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Track, if it is called as an app."""
        if self.app is None:
            sqreen.track("seen")
        await (self.app or PlainTextResponse("ok"))(scope, receive, send)


class Localized:
    """Removes a language from the path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve ``/en/x`` as ``/x``."""
        scope["path"] = scope["path"].removeprefix("/en")
        await self.app(scope, receive, send)


class Copying:
    """Copies the scope, as the ASGI specification recommends."""

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
def test_secrets_in_starlette_routes_are_masked(
    memory: list[Event], root_path: str, path: str, expected: str, route: str
) -> None:
    """The route contains the name of a mount's parameter."""
    app = Starlette(routes=STARLETTE)
    app.add_middleware(sqreen.SqreenMiddleware)

    assert TestClient(app, root_path=root_path).get(root_path + path).status_code == 200

    assert described(memory)[:2] == (root_path + expected, route)


def test_secret_in_a_path_changed_by_a_middleware_is_masked(memory: list[Event]) -> None:
    """The route describes the router's path, not the original one."""
    app = Starlette(routes=[Route("/{token:path}", track)], middleware=[Middleware(Localized)])
    app.add_middleware(sqreen.SqreenMiddleware)

    TestClient(app).get("/en/hunter/2")

    assert described(memory) == (f"/en/{MASK}", "/{token:path}", {"token": MASK})


def test_route_is_known_inside_a_middleware_that_copies_the_scope(memory: list[Event]) -> None:
    """The middleware that is added first is the innermost, and gets the router's values."""
    app = Starlette(routes=[Route("/reset/{token}", track)])
    app.add_middleware(sqreen.SqreenMiddleware)
    app.add_middleware(Copying)

    TestClient(app).get("/reset/hunter2")

    assert described(memory)[:2] == (f"/reset/{MASK}", "/reset/{token}")


def test_secrets_in_fastapi_mounts_and_routers_are_masked(memory: list[Event]) -> None:
    """This works for a mounted app and for an included router."""
    below, app, router = FastAPI(), FastAPI(), APIRouter(prefix="/{secret}")

    @router.get("/go/{token:path}/on")
    def view(token: str) -> None:
        sqreen.track("seen", properties={"length": len(token)})

    below.include_router(router)
    app.mount("/m/{api_key}", below)
    app.add_middleware(sqreen.SqreenMiddleware)

    TestClient(app).get("/m/hunter2/swordfish/go/a/b/on")

    path, route, parameters = described(memory)
    assert path == f"/m/{MASK}/{MASK}/go/{MASK}/on"
    assert route == "/m/{api_key}/{secret}/go/{token:path}/on"
    assert parameters == dict.fromkeys(("api_key", "secret", "token"), MASK)


def make_flask() -> Flask:
    """Create an app whose hook removes a parameter, as in Flask's documentation."""
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
def test_secrets_in_flask_routes_are_masked(
    memory: list[Event], script: str, path: str, expected: str, route: str
) -> None:
    """Secrets are masked even if a hook removes them from the view's arguments."""
    app = sqreen.SqreenWSGIMiddleware(
        DispatcherMiddleware(
            lambda *_: [], {script: make_flask()} if script else {"": make_flask()}
        )
    )

    assert Client(app).get(script + path).status_code == 200

    assert described(memory)[:2] == (script + expected, route)


class Odd:
    """An object of a framework whose attributes raise."""

    def __getattr__(self, name: str) -> object:
        """Raise."""
        raise ValueError(name)


@pytest.mark.parametrize("key", ["werkzeug.request", "bottle.route"])
def test_unreadable_rule_is_ignored(memory: list[Event], key: str) -> None:
    """The event contains the rest of the request."""

    def site(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        environ[key] = Odd()
        sqreen.track("seen")
        start_response("200 OK", [])
        return []

    Client(sqreen.SqreenWSGIMiddleware(site)).get("/odd")

    assert described(memory) == ("/odd", None, {})


@pytest.mark.parametrize(
    ("path", "expected", "route"),
    [
        ("/reset/hunter2/5", f"/reset/{MASK}/5", "/reset/<token>/<n:int>"),
        ("/path/hunter/2/go", f"/path/{MASK}/go", "/path/<token:path>/go"),
        ("/ü/hunter2", f"/ü/{MASK}", "/ü/<token>"),
    ],
)
def test_secrets_in_bottle_routes_are_masked(
    memory: list[Event], path: str, expected: str, route: str
) -> None:
    """A request of Werkzeug in the environ does not hide Bottle's rule."""
    bottle = need_module("bottle", package="bottle")
    app = bottle.Bottle()
    for rule in ("/reset/<token>/<n:int>", "/path/<token:path>/go", "/ü/<token>"):
        app.get(rule, callback=lambda **_: sqreen.track("seen"))

    assert Client(sqreen.SqreenWSGIMiddleware(app)).get(path).status_code == 200

    assert described(memory)[:2] == (expected, route)
