"""The ``identify=`` callable of the ASGI middleware."""

import asyncio
import logging
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    BaseUser,
    SimpleUser,
)
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

import sqreen_mw as sqreen
from sqreen_mw.protocol.event import Event
from tests.support.optional import need

JANE = {"username": "jane"}
KEY = {"Authorization": "Key jane"}


class Keys(AuthenticationBackend):
    """Authenticates by a header or a cookie."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """Return the user, whose key is the name."""
        key = conn.headers.get("Authorization", "").removeprefix("Key ") or conn.cookies.get("key")
        return (AuthCredentials(), SimpleUser(key)) if key else None


class Site:
    """An app with Starlette's own authentication. ``calls`` counts those of ``identify``."""

    def __init__(self, **settings: Any) -> None:
        self.calls = 0
        routes = [Route("/{kind}", visit), WebSocketRoute("/socket/{kind}", chat)]
        app = Starlette(routes=routes)
        app.add_middleware(AuthenticationMiddleware, backend=Keys())
        app.add_middleware(sqreen.SqreenMiddleware, **{"identify": self.identify, **settings})
        self.client = TestClient(app)

    def identify(self, scope: Any) -> Mapping[str, str] | None:
        """Return the user that Starlette has authenticated."""
        self.calls += 1
        sqreen.track("inside")
        user = scope["user"]
        return {"username": user.display_name} if user.is_authenticated else None


async def visit(request: Request) -> PlainTextResponse:
    """Track two events, or one with a user of its own, or none."""
    track(request.path_params["kind"])
    return PlainTextResponse("ok")


async def chat(websocket: WebSocket) -> None:
    """Do the same on a websocket."""
    track(websocket.path_params["kind"])
    await websocket.accept()
    await websocket.close()


def track(kind: str) -> None:
    """Track two events, or one with a user of its own, or none."""
    if kind == "tracks":
        sqreen.track("first")
        sqreen.track("second")
    if kind == "signs":
        sqreen.signup_track()
    if kind == "names":
        sqreen.track("named", user_identifiers={"username": "kim"})


def users(memory: list[Event]) -> list[tuple[str, object, str | None]]:
    """Flush, and return the name, the user and the provenance of each event."""
    assert sqreen.flush()
    return [(event.name, event.user_identifiers, event.identity) for event in memory]


EXPECTED = [(name, JANE, "established") for name in ("inside", "first", "second")]


@pytest.mark.parametrize("headers", [KEY, {"Cookie": "key=jane"}])
def test_user_is_identified_once(memory: list[Event], headers: dict[str, str]) -> None:
    """The callable may track an event, too."""
    site = Site()

    assert site.client.get("/tracks", headers=headers).text == "ok"
    assert site.calls == 1
    assert users(memory) == EXPECTED


def test_user_of_a_websocket_is_identified(memory: list[Event]) -> None:
    """Its events are sealed at once, so the first one has the user already."""
    site = Site()

    with site.client.websocket_connect("/socket/tracks", headers=KEY):
        pass

    assert site.calls == 1
    assert users(memory)[1:] == EXPECTED[1:]


def test_sign_up_without_identifiers_means_the_present_user(memory: list[Event]) -> None:
    """It needs the user, too."""
    site = Site()
    site.client.get("/signs", headers=KEY)

    assert site.calls == 1
    assert ("sq.sdk.users.signup", JANE, "established") in users(memory)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/silent", KEY),
        ("/names", KEY),
        ("/tracks", {}),
        ("/tracks", {"X-Key": "jane"}),
    ],
)
def test_callable_is_not_called_without_need(
    memory: list[Event], path: str, headers: dict[str, str]
) -> None:
    """No event needs the user, or the request has neither a cookie nor an authorization."""
    site = Site()

    site.client.get(path, headers=headers)

    assert site.calls == 0
    assert JANE not in [user for _, user, _ in users(memory)]


def test_callable_is_not_called_for_an_ignored_path(memory: list[Event]) -> None:
    """Its events are ignored."""
    site = Site(ignore_paths="/tracks")

    site.client.get("/tracks", headers=KEY)

    assert site.calls == 0
    assert users(memory) == []


def test_callable_runs_in_the_thread_of_the_event(memory: list[Event]) -> None:
    """It never runs in ours, even if events are sealed while the request runs."""
    threads: list[int] = []

    def identify(_: object) -> dict[str, str]:
        threads.append(threading.get_ident())
        return JANE

    def view(_: Request) -> PlainTextResponse:
        sqreen.track("x")
        assert sqreen.flush()
        return PlainTextResponse(str(threading.get_ident()))

    app = Starlette(routes=[Route("/", view)])
    app.add_middleware(sqreen.SqreenMiddleware, identify=identify)

    assert TestClient(app).get("/", headers=KEY).text == str(threads[0])
    assert users(memory) == [("x", JANE, "established")]


def test_threads_of_a_request_call_it_once(memory: list[Event]) -> None:
    """An event that another thread tracks meanwhile gets the user, too."""
    calls: list[object] = []
    both = threading.Barrier(2, timeout=60)

    def identify(scope: object) -> dict[str, str]:
        calls.append(scope)
        both.wait()  # until the other thread has tracked
        return JANE

    def view(request: Request) -> PlainTextResponse:
        context = request.state.sqreen
        other = threading.Thread(target=lambda: (context.track("slow"), None))
        other.start()
        while not calls:
            other.join(0.001)
        sqreen.track("fast")
        both.wait()
        other.join()
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route("/", view)])
    app.add_middleware(sqreen.SqreenMiddleware, identify=identify)
    TestClient(app).get("/", headers=KEY)

    assert len(calls) == 1
    assert sorted(users(memory)) == [("fast", JANE, "established"), ("slow", JANE, "established")]


def test_callable_is_not_called_after_the_request(memory: list[Event]) -> None:
    """A late event has no user, because the scope is released."""
    calls: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        contexts.append(scope["state"]["sqreen"])

    contexts: list[Any] = []
    scope = {"type": "http", "path": "/", "headers": [(b"cookie", b"key=jane")]}
    asyncio.run(sqreen.SqreenMiddleware(app, identify=calls.append)(scope, None, None))
    contexts[0].track("late")

    assert users(memory) == [("late", {}, None)]
    assert calls == []


def test_identify_in_the_app_has_priority(memory: list[Event]) -> None:
    """The callable is not called if the app has identified the user."""
    site = Site()

    async def view(_: Request) -> PlainTextResponse:
        sqreen.identify({"username": "kim"})
        sqreen.track("x")
        return PlainTextResponse("ok")

    app: Any = site.client.app
    app.router.routes.insert(0, Route("/kim", view))
    site.client.get("/kim", headers=KEY)

    assert site.calls == 0
    assert users(memory) == [("x", {"username": "kim"}, "established")]


def broken(_: object) -> Mapping[str, str]:
    """Raise."""
    raise ConnectionError("the database is down")


@pytest.mark.parametrize(
    "identify", [broken, lambda _: None, lambda _: {}, lambda _: "jane", lambda scope: scope["x"]]
)
def test_callable_that_finds_no_user_does_no_harm(
    memory: list[Event], caplog: pytest.LogCaptureFixture, identify: Any
) -> None:
    """It is not called again; an error is logged."""
    site = Site(identify=identify)

    with caplog.at_level(logging.WARNING, logger="sqreen_mw"):
        assert site.client.get("/tracks", headers=KEY).text == "ok"

    assert users(memory) == [("first", {}, None), ("second", {}, None)]
    assert len(caplog.messages) <= 1


async def asynchronous(_: object) -> Mapping[str, str]:
    """Return a user, for callers that can wait."""
    return JANE


@pytest.mark.parametrize("identify", [asynchronous, "jane", JANE])
def test_wrong_callable_raises_at_the_start(identify: Any) -> None:
    """An async function has to be called where it can be awaited."""
    with pytest.raises(sqreen.ConfigurationError, match="identify must be a function"):
        sqreen.SqreenMiddleware(Starlette(), identify=identify)


def test_inner_middleware_identifies_for_the_outer_one(memory: list[Event]) -> None:
    """A mounted app may have its own callable."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        sqreen.track("x")

    inner = sqreen.SqreenMiddleware(app, identify=lambda _: JANE)
    scope = {"type": "http", "path": "/", "headers": [(b"authorization", b"Key jane")]}
    asyncio.run(sqreen.SqreenMiddleware(inner)(scope, None, None))

    assert users(memory) == [("x", JANE, "established")]


def test_user_of_fastapi_users_is_identified(memory: list[Event]) -> None:
    """The callable reads the token; the manager tracks logins and sign-ups."""
    need("fastapi_users")
    from tests.middleware.fastapi_users_site import make_app  # noqa: PLC0415 optional

    client = TestClient(make_app())
    account = {"email": "jane@example.org", "password": "correct horse"}
    user_id = client.post("/register", json=account).json()["id"]
    form = {"username": account["email"], "password": account["password"]}
    assert client.post("/login", data={**form, "password": "guessed"}).status_code == 400
    token = client.post("/login", data=form).json()["access_token"]
    for headers in ({"Authorization": f"Bearer {token}"}, {"Authorization": "Bearer forged"}, {}):
        client.get("/orders", headers=headers)

    assert users(memory) == [
        ("sq.sdk.users.signup", {"id": user_id}, "established"),
        ("sq.sdk.users.login", {"email": account["email"]}, "claimed"),
        ("sq.sdk.users.login", {"id": user_id}, "established"),
        ("orders.viewed", {"id": user_id}, "established"),
        ("orders.viewed", {}, None),
        ("orders.viewed", {}, None),
    ]
    assert "horse" not in str(memory)
