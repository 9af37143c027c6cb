"""The ``identify=`` callable of the ASGI middleware."""

import asyncio
import logging
import threading
from collections.abc import Mapping
from functools import partial
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
from sqreen_mw.protocol.mask import MASK
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
    """The events have no user; an error is logged."""
    site = Site(identify=identify)

    with caplog.at_level(logging.WARNING, logger="sqreen_mw"):
        assert site.client.get("/tracks", headers=KEY).text == "ok"

    assert users(memory) == [("first", {}, None), ("second", {}, None)]
    assert len(caplog.messages) <= 1


def serve(identify: Any, events: int) -> list[str | None]:
    """Serve a request with a cookie that tracks events, and return their ids."""
    ids: list[str | None] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        ids.extend(sqreen.track(f"event {number}") for number in range(events))

    scope = {"type": "http", "path": "/", "headers": [(b"cookie", b"key=jane")]}
    asyncio.run(sqreen.SqreenMiddleware(app, identify=identify)(scope, None, None))
    return ids


@pytest.mark.parametrize("found_at", [1, 2, 3])
def test_callable_is_called_again_until_it_finds_the_user(
    memory: list[Event], found_at: int
) -> None:
    """A middleware that authenticates may come after the first event."""
    calls: list[object] = []

    def identify(scope: object) -> Mapping[str, str] | None:
        calls.append(scope)
        return JANE if len(calls) == found_at else None

    serve(identify, events=5)

    assert len(calls) == found_at
    assert [user for _, user, _ in users(memory)] == [JANE] * 5


@pytest.mark.parametrize("result", [None, {}, ""])
def test_callable_is_called_three_times_without_a_user(memory: list[Event], result: object) -> None:
    """An anonymous visitor with a cookie does not cost a call per event."""
    calls: list[object] = []

    def identify(scope: object) -> object:
        calls.append(scope)
        return result

    serve(identify, events=5)

    assert len(calls) == 3
    assert [user for _, user, _ in users(memory)] == [{}] * 5


def test_event_before_the_authentication_has_its_user(memory: list[Event]) -> None:
    """A middleware outside of Starlette's own authentication tracks an event."""

    def early(app: Any) -> Any:
        async def serve(scope: Any, receive: Any, send: Any) -> None:
            sqreen.track("early")
            await app(scope, receive, send)

        return serve

    def identify(scope: Any) -> Mapping[str, str] | None:
        user = scope.get("user")
        return {"username": user.display_name} if user and user.is_authenticated else None

    app = Starlette(routes=[Route("/{kind}", visit)])
    app.add_middleware(AuthenticationMiddleware, backend=Keys())
    app.add_middleware(early)
    app.add_middleware(sqreen.SqreenMiddleware, identify=identify)
    TestClient(app).get("/tracks", headers=KEY)

    assert users(memory) == [(name, JANE, "established") for name in ("early", "first", "second")]


class NoBool(dict[str, str]):
    """Identifiers that raise if they are tested."""

    def __bool__(self) -> bool:
        """Raise."""
        raise ValueError("neither true nor false")


class NoLength(dict[str, str]):
    """Identifiers that raise if they are counted."""

    def __len__(self) -> int:
        """Raise."""
        raise ValueError("no length")


class NoItems(dict[str, str]):
    """Identifiers that raise if they are read."""

    def items(self) -> Any:
        """Raise."""
        raise ValueError("no items")


@pytest.mark.parametrize("result", [NoBool(JANE), NoLength(JANE), NoItems(JANE)])
def test_event_is_kept_if_the_result_raises(memory: list[Event], result: object) -> None:
    """Each event gets its id, and the error is counted."""
    ids = serve(lambda _: result, events=2)

    assert None not in ids
    assert len(users(memory)) == 2


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), GeneratorExit(), ConnectionError()], ids=repr
)
def test_error_of_the_callable_does_not_reach_the_app(
    memory: list[Event], caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    """It neither cancels nor closes the app, and the callable is not called again."""
    calls: list[object] = []

    def identify(scope: object) -> None:
        calls.append(scope)
        raise error

    with caplog.at_level(logging.WARNING, logger="sqreen_mw"):
        assert None not in serve(identify, events=3)

    assert [user for _, user, _ in users(memory)] == [{}] * 3
    assert len(calls) == 1
    assert type(error).__name__ in caplog.text


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=repr)
@pytest.mark.usefixtures("memory")
def test_exit_in_the_callable_ends_the_app(error: BaseException) -> None:
    """A server may stop a worker by such an exception."""

    def identify(_: object) -> None:
        raise error

    with pytest.raises(type(error)):
        serve(identify, events=1)


def test_token_in_an_error_of_the_callable_is_not_logged(
    memory: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    """The log line of the error contains no session id."""
    sessions: dict[str, Mapping[str, str]] = {}
    site = Site(identify=lambda _: sessions["8f14e45fceea167a5a36dedd4bea2543"])

    site.client.get("/tracks", headers=KEY)

    assert users(memory) == [("first", {}, None), ("second", {}, None)]
    assert "8f14e45fceea167a" not in caplog.text
    assert f"KeyError('{MASK}')" in caplog.text


async def asynchronous(_: object) -> Mapping[str, str]:
    """Return a user, for callers that can wait."""
    return JANE


class Asynchronous:
    """Returns a user, for callers that can wait."""

    async def __call__(self, _: object) -> Mapping[str, str]:
        """Return the user."""
        return JANE


@pytest.mark.parametrize(
    "identify",
    [
        asynchronous,
        partial(asynchronous),
        Asynchronous(),
        partial(Asynchronous()),
        Asynchronous().__call__,
        "jane",
        JANE,
    ],
)
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
