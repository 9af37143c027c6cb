import asyncio
import contextvars
import gc
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Request, WebSocket
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

import sqreen_mw as sqreen
from sqreen_mw.agent import sealing
from sqreen_mw.agent.context import current_request, reset_current, set_current
from sqreen_mw.agent.requests.asgi import REPORTED_HEADERS, ASGIRequestContext, Scope, asgi_request
from sqreen_mw.agent.runtime import current_agent
from sqreen_mw.middleware.asgi import Message, SqreenMiddleware
from sqreen_mw.protocol.event import Event, Params

FORM = {"User-Agent": "curl/8", "Host": "shop.test"}


def delivered(memory: list[Event]) -> dict[str, Event]:
    """Flush, and return the events by name."""
    assert sqreen.flush()
    return {event.name: event for event in memory}


def test_event_describes_its_request(memory: list[Event]) -> None:
    """The event contains address, user agent, path, verb, parameters, host and route."""
    app = FastAPI()
    app.add_middleware(SqreenMiddleware)

    @app.post("/items/{item_id}")
    def item(item_id: int, request: Request) -> None:
        request.state.sqreen.track("item.bought", properties={"id": item_id})

    client = TestClient(app, client=("203.0.113.9", 4711))
    client.post("/items/7?coupon=SPRING&tag=a&tag=b", headers=FORM)

    request = delivered(memory)["item.bought"].request
    assert request is not None
    assert (request.ip, request.ip_source) == ("203.0.113.9", "peer")
    assert (request.verb, request.path, request.route) == ("POST", "/items/7", "/items/{item_id}")
    assert (request.user_agent, request.host) == ("curl/8", "shop.test")
    assert request.params == Params(
        query={"coupon": ["SPRING"], "tag": ["a", "b"]}, path={"item_id": "7"}
    )


def test_module_calls_use_the_current_request(memory: list[Event]) -> None:
    """Sync views, async views, dependencies and background tasks share one request."""
    app = FastAPI()
    app.add_middleware(SqreenMiddleware)

    def in_dependency() -> None:
        sqreen.track("dependency")

    async def in_background() -> None:
        sqreen.track("background")

    @app.get("/sync", dependencies=[Depends(in_dependency)])
    def sync(tasks: BackgroundTasks) -> None:
        sqreen.track("sync")
        tasks.add_task(in_background)

    @app.get("/async")
    async def asynchronous() -> None:
        sqreen.track("async")

    client = TestClient(app)
    client.get("/sync")
    client.get("/async")

    events = delivered(memory)
    paths = {name: event.request and event.request.path for name, event in events.items()}
    assert paths == {
        "dependency": "/sync",
        "sync": "/sync",
        "background": "/sync",
        "async": "/async",
    }


def test_routes_include_mounts_and_router_prefixes(memory: list[Event]) -> None:
    """A template contains the prefixes of included routers and of mounts."""
    router = APIRouter(prefix="/v1")

    @router.get("/users/{name}")
    def user(name: str) -> None:
        sqreen.track(name)

    app = FastAPI()
    app.include_router(router, prefix="/api")
    mounted = FastAPI()
    mounted.include_router(router)
    app.mount("/mounted", mounted)
    plain = Starlette(routes=[Mount("/outer", routes=[Route("/{name}", _track_name)])])
    app.mount("/plain", plain)
    app.add_middleware(SqreenMiddleware)
    client = TestClient(app)

    for path in ("/api/v1/users/a", "/mounted/v1/users/b", "/plain/outer/c"):
        client.get(path)

    routes = {name: e.request and e.request.route for name, e in delivered(memory).items()}
    assert routes == {
        "a": "/api/v1/users/{name}",
        "b": "/mounted/v1/users/{name}",
        "c": "/plain/outer/{name}",
    }


def _track_name(request: Request) -> PlainTextResponse:
    sqreen.track(request.path_params["name"])
    return PlainTextResponse("ok")


def test_unknown_path_has_no_route(memory: list[Event]) -> None:
    """The event has no route if none matches."""

    async def not_found(request: Request, _: Exception) -> PlainTextResponse:
        request.state.sqreen.track("not_found")
        return PlainTextResponse("no", status_code=404)

    app = Starlette(exception_handlers={404: not_found})
    app.add_middleware(SqreenMiddleware)

    assert TestClient(app).get("/nowhere").status_code == 404

    request = delivered(memory)["not_found"].request
    assert request is not None
    assert (request.path, request.route) == ("/nowhere", None)


def test_streams_and_websockets_track(memory: list[Event]) -> None:
    """A streaming body and a websocket can track."""

    async def body() -> AsyncIterator[bytes]:
        for index in range(2):
            sqreen.track(f"chunk{index}")
            yield b"x"

    app = FastAPI()
    app.add_middleware(SqreenMiddleware)

    @app.get("/stream")
    def stream() -> StreamingResponse:
        return StreamingResponse(body())

    @app.websocket("/ws/{room}")
    async def websocket(websocket: WebSocket) -> None:
        await websocket.accept()
        websocket.state.sqreen.track("joined")
        await websocket.close()

    client = TestClient(app)
    assert client.get("/stream").content == b"xx"
    with client.websocket_connect("/ws/red"):
        pass

    events = delivered(memory)
    assert {name: e.request and e.request.path for name, e in events.items()} == {
        "chunk0": "/stream",
        "chunk1": "/stream",
        "joined": "/ws/red",
    }


def test_exception_passes_unchanged(memory: list[Event]) -> None:
    """The middleware does not change an exception of the app, and the event is kept."""
    error = ValueError("the app's")

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        sqreen.track("before")
        raise error

    with pytest.raises(ValueError, match="the app's") as raised:
        asyncio.run(call(SqreenMiddleware(app), http_scope()))

    assert raised.value is error
    assert current_request() is None
    assert "before" in delivered(memory)


def test_task_can_track_after_its_request(memory: list[Event]) -> None:
    """The context still describes the request after the scope was released."""
    contexts: list[ASGIRequestContext] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        contexts.append(scope["state"]["sqreen"])
        scope["path_params"] = {"a": 1}

    asyncio.run(call(SqreenMiddleware(app), http_scope()))
    contexts[0].track("late")

    request = delivered(memory)["late"].request
    assert request is not None
    assert request.path == "/"
    assert request.params.path == {"a": "1"}


def test_scope_is_released_when_the_request_ends(memory: list[Event]) -> None:
    """The request is in no reference cycle, so no garbage collection is needed."""

    class Marked(dict[str, Any]):
        """A scope that can be watched."""

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        sqreen.track("x")

    middleware = SqreenMiddleware(app)
    gc.disable()
    try:
        scope = Marked(http_scope())
        reference = weakref.ref(scope)
        asyncio.run(call(middleware, scope))
        del scope
        assert reference() is None
    finally:
        gc.enable()
    assert "x" in delivered(memory)


def test_second_middleware_shares_the_context(memory: list[Event]) -> None:
    """With two middlewares, a request has one context and its event arrives once."""
    seen: list[object] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        seen.append(scope["state"]["sqreen"])
        sqreen.track("x")

    asyncio.run(call(SqreenMiddleware(SqreenMiddleware(app)), http_scope()))

    assert len(seen) == 1
    assert sqreen.flush()
    assert len(memory) == 1


def test_requests_with_shared_state_have_separate_contexts(memory: list[Event]) -> None:
    """A server may give all requests the same state."""

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        scope["state"]["sqreen"].track(f"state of {scope['path']}")
        sqreen.track(f"module of {scope['path']}")

    shared: dict[str, Any] = {"pool": "open"}
    middleware = SqreenMiddleware(app)
    for name in ("alice", "mallory"):
        asyncio.run(call(middleware, {**http_scope(), "path": f"/{name}", "state": shared}))

    paths = {
        name: event.request and event.request.path for name, event in delivered(memory).items()
    }
    assert paths == {
        "state of /alice": "/alice",
        "module of /alice": "/alice",
        "state of /mallory": "/mallory",
        "module of /mallory": "/mallory",
    }


def test_unused_body_and_headers_are_released(memory: list[Event]) -> None:
    """After the request, the context keeps only values that an event contains."""
    contexts: list[ASGIRequestContext] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        await receive()
        contexts.append(scope["state"]["sqreen"])
        sqreen.track("x")

    headers = [(b"cookie", b"x" * 9000), (b"user-agent", b"curl/8")]
    asyncio.run(call(SqreenMiddleware(app), {**http_scope(), "method": "POST", "headers": headers}))

    assert contexts[0].body is None
    assert contexts[0].raw_request().headers == [(b"user-agent", b"curl/8")]
    assert "x" in delivered(memory)


def test_lifespan_state_is_kept(memory: list[Event]) -> None:
    """Values of the lifespan stay in the state."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, str]]:
        yield {"pool": "open"}

    async def view(request: Request) -> PlainTextResponse:
        request.state.sqreen.track(request.state.pool)
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route("/", view)], lifespan=lifespan)
    app.add_middleware(SqreenMiddleware)
    with TestClient(app) as client:
        client.get("/")

    assert "open" in {event.name for event in memory}


def test_lifespan_shutdown_delivers_events(memory: list[Event]) -> None:
    """The events are delivered before the server learns that the app has shut down."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        sqreen.track("last")

    app = Starlette(lifespan=lifespan)
    app.add_middleware(SqreenMiddleware, flush_interval=60.0)
    with TestClient(app):
        assert memory == []

    assert [event.name for event in memory] == ["last"]


@pytest.mark.parametrize("end", ["returns", "receives", "starts"])
def test_lifespan_works_for_apps_without_one(memory: list[Event], end: str) -> None:
    """The middleware answers the server for an app that does not support all of the lifespan."""

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        if end in {"receives", "starts"}:
            await receive()
        if end == "starts":
            await send({"type": "lifespan.startup.complete"})

    entry: Any = SqreenMiddleware(app, flush_interval=60.0)
    with TestClient(entry):
        sqreen.track("last")
        assert memory == []

    assert [event.name for event in memory] == ["last"]


@pytest.mark.parametrize("takes_part", [True, False])
@pytest.mark.parametrize(
    "error",
    [
        ValueError("no database"),
        RuntimeError("lifespan: DATABASE_URL is not set"),
        KeyError("lifespan"),
        NotImplementedError("no lifespan here"),
    ],
    ids=repr,
)
def test_error_at_startup_reaches_the_server(error: Exception, *, takes_part: bool) -> None:
    """Its text may name the lifespan: an app that can't start is not one without a lifespan."""

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        if takes_part:
            await receive()
        raise error

    entry: Any = SqreenMiddleware(app)
    with pytest.raises(type(error)) as raised, TestClient(entry):
        pass
    assert raised.value is error


def test_failed_shutdown_delivers_events(memory: list[Event]) -> None:
    """If the app raises during its shutdown, its events are delivered before the server knows."""

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        sqreen.track("last")
        raise ValueError("no clean end")

    entry: Any = SqreenMiddleware(app, flush_interval=60.0)
    with pytest.raises(ValueError, match="no clean end"), TestClient(entry):
        pass

    assert [event.name for event in memory] == ["last"]


@pytest.mark.slow
def test_shutdown_logs_undelivered_events(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Servers may end right after the lifespan, so the log contains the number of lost events."""
    app = Starlette()
    app.add_middleware(SqreenMiddleware, url="http://127.0.0.1:9", token="t")
    with TestClient(app):
        sqreen.track("x")

    assert "1 events were not delivered before the shutdown" in caplog.messages


@pytest.mark.parametrize("kind", ["something.new", None])
def test_other_scopes_pass_through(kind: str | None) -> None:
    """Scopes of other types, and without one, reach the app unchanged."""
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        scopes.append(scope)

    scope: Scope = {"type": kind} if kind else {}
    unchanged = dict(scope)
    asyncio.run(call(SqreenMiddleware(app), scope))

    assert scopes == [scope]
    assert scope == unchanged


def test_disconnected_client_is_not_a_trusted_proxy(memory: list[Event]) -> None:
    """A TCP peer that the server can't name any more is no proxy: its header is not believed.

    A client that resets its connection at once has no address when uvicorn asks for it.
    """

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        sqreen.track("x")

    forged = {"client": None, "headers": [(b"x-forwarded-for", b"198.51.100.66")]}
    scope = {**http_scope(), **forged, "server": ("192.0.2.2", 8982)}
    asyncio.run(call(SqreenMiddleware(app), scope))

    described = delivered(memory)["x"].request
    assert described is not None
    assert (described.ip, described.ip_source) == (None, "peer")


def test_unix_socket_has_no_address(memory: list[Event]) -> None:
    """Without a peer, the header of the proxy is used if there is one."""

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        sqreen.track(scope["path"])

    middleware = SqreenMiddleware(app)
    forwarded = [(b"x-forwarded-for", b"203.0.113.9")]
    asyncio.run(call(middleware, {**http_scope(), "path": "/a", "client": None}))
    asyncio.run(
        call(middleware, {**http_scope(), "path": "/b", "client": None, "headers": forwarded})
    )

    events = delivered(memory)
    ips = {name: event.request and event.request.ip for name, event in events.items()}
    assert ips == {"/a": None, "/b": "203.0.113.9"}


def test_unconfigured_middleware_changes_nothing() -> None:
    """Without settings the context exists and ignores events."""

    async def view(request: Request) -> PlainTextResponse:
        assert request.state.sqreen.track("x") is None
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route("/", view)])
    app.add_middleware(SqreenMiddleware)

    assert TestClient(app).get("/").text == "ok"


def test_token_of_another_context_is_ignored() -> None:
    """Resetting the request in another context does not raise."""
    context = asgi_request(http_scope(), current_agent(), REPORTED_HEADERS)

    token = asyncio.run(_enter_elsewhere(context))
    reset_current(token)

    assert current_request() is None


async def _enter_elsewhere(context: ASGIRequestContext) -> Any:
    return set_current(context)


@pytest.mark.parametrize("name", [b"user-agent", b"host", b"content-type", b"x-forwarded-for"])
@pytest.mark.parametrize("malformed", [[], [(b"host",)]])
def test_many_header_lines_do_not_hide_the_proxys_line(
    memory: list[Event], name: bytes, malformed: list[Any]
) -> None:
    """A client may repeat a header before or after the line of its proxy; the line counts.

    A proxy appends to the client's lines of its own header, but may write before all other lines.
    """

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        sqreen.track(scope["path"])

    middleware = SqreenMiddleware(app)
    proxys, clients = [(b"x-forwarded-for", b"203.0.113.9")], [(name, b"8.8.8.8")] * 99
    orders = {"/last": [*clients, *malformed, *proxys]}
    if name != b"x-forwarded-for":
        orders["/first"] = [*proxys, *malformed, *clients]
    for path, headers in orders.items():
        scope = {**http_scope(), "client": ("127.0.0.1", 1), "path": path, "headers": headers}
        asyncio.run(call(middleware, scope))

    for event in delivered(memory).values():
        assert event.request is not None
        assert (event.request.ip, event.request.ip_source) == ("203.0.113.9", "proxy")


@pytest.mark.parametrize(
    ("peer", "name", "value", "ignored"),
    [
        ("203.0.113.9", b"forwarded", b"for=8.8.8.8", True),
        ("203.0.113.9", b"x-real-ip", b"8.8.8.8", True),
        ("203.0.113.9", b"cf-connecting-ip", b"8.8.8.8", True),
        ("203.0.113.9", b"true-client-ip", b"garbage", True),
        ("203.0.113.9", b"x-real-ip", b"203.0.113.9", False),
        ("127.0.0.1", b"x-real-ip", b"8.8.8.8", False),
    ],
)
def test_forwarding_header_of_an_untrusted_peer_is_reported(
    memory: list[Event], peer: str, name: bytes, value: bytes, *, ignored: bool
) -> None:
    """The event states that a header of any proxy was ignored, also if its results are cached."""

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        sqreen.track("x")

    middleware = SqreenMiddleware(app)
    for headers in ([], [(name, value)], [[name, value]]):
        scope = {**http_scope(), "client": (peer, 1), "headers": headers}
        asyncio.run(call(middleware, scope))

    assert sqreen.flush()
    requests = [event.request for event in memory if event.request is not None]
    assert [each.forwarded_ignored for each in requests] == [False, ignored, ignored]
    assert {each.ip for each in requests} == {peer}


def test_first_of_many_header_lines_is_reported(memory: list[Event]) -> None:
    """A repeated user agent is the one that the app reads, and few lines are kept."""
    contexts: list[ASGIRequestContext] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        contexts.append(scope["state"]["sqreen"])
        sqreen.track("x")

    headers = [(b"user-agent", b"curl/8"), *[(b"user-agent", b"other")] * 99]
    headers += [(b"x-forwarded-for", b"8.8.8.8")] * 99
    asyncio.run(call(SqreenMiddleware(app), {**http_scope(), "headers": headers}))

    described = delivered(memory)["x"].request
    assert described is not None
    assert (described.user_agent, described.ip) == ("curl/8", "203.0.113.9")
    assert len(contexts[0].raw_request().headers) == 128


def http_scope() -> Scope:
    """Return the scope of a plain request."""
    return {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [],
        "client": ("203.0.113.9", 4711),
    }


async def call(app: Any, scope: Scope) -> list[Message]:
    """Call an ASGI app and return its messages."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def test_body_reaches_the_view_unchanged(memory: list[Event]) -> None:
    """With collect_body, the event contains the JSON or form that the view read."""
    app = FastAPI()
    app.add_middleware(SqreenMiddleware)

    @app.post("/json")
    async def json_view(request: Request, body: dict[str, Any]) -> dict[str, Any]:
        request.state.sqreen.track("json", collect_body=True)
        return body

    @app.post("/form")
    async def form_view(request: Request) -> str:
        async with request.form() as form:
            request.state.sqreen.track("form", collect_body=True)
            return str(form["coupon"])

    @app.post("/unread")
    async def unread(request: Request) -> None:
        request.state.sqreen.track("unread", collect_body=True)

    @app.get("/search")
    async def search(request: Request) -> None:
        await request.body()
        request.state.sqreen.track("search", collect_body=True)

    client = TestClient(app)
    assert client.request("GET", "/search", json={"a": 1}).status_code == 200
    assert client.post("/json", json={"a": [1, 2]}).json() == {"a": [1, 2]}
    assert client.post("/form", data={"coupon": "SPRING"}).json() == "SPRING"
    assert client.post("/unread", json={"a": 1}).status_code == 200

    described = {name: event.request for name, event in delivered(memory).items()}
    assert described["json"] is not None
    assert described["form"] is not None
    assert described["unread"] is not None
    assert described["search"] is not None
    assert described["search"].params.json == {"a": 1}
    assert described["json"].params.json == {"a": [1, 2]}
    assert described["form"].params.form == {"coupon": ["SPRING"]}
    assert described["unread"].params == Params()


def test_event_contains_the_status(memory: list[Event]) -> None:
    """An event that waits for its request contains the response's status."""

    async def view(request: Request) -> PlainTextResponse:
        request.state.sqreen.track("x")
        return PlainTextResponse("teapot", status_code=418)

    app = Starlette(routes=[Route("/", view)])
    app.add_middleware(SqreenMiddleware)

    assert TestClient(app).get("/").text == "teapot"
    request = delivered(memory)["x"].request
    assert request is not None
    assert request.status == 418


def test_websocket_events_are_sealed_at_once(
    memory: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events and identities of a websocket are delivered while it is open."""
    monkeypatch.setattr(sealing, "SEAL_AFTER", 60.0)
    app = FastAPI()
    app.add_middleware(SqreenMiddleware, flush_interval=0.05)

    @app.websocket("/ws")
    async def websocket(websocket: WebSocket) -> None:
        await websocket.accept()
        websocket.state.sqreen.identify({"id": 7})
        websocket.state.sqreen.track("joined")
        await websocket.receive_text()
        await websocket.close()

    with TestClient(app).websocket_connect("/ws") as session:
        start = time.monotonic()
        while not memory:
            assert time.monotonic() - start < 30, "it waited for the websocket"
            time.sleep(0.01)
        session.send_text("bye")

    assert memory[0].user_identifiers == {"id": "7"}


def test_identity_applies_across_threads_and_tasks(memory: list[Event]) -> None:
    """An identity from a threadpool dependency applies in the view and to earlier events."""
    app = FastAPI()
    app.add_middleware(SqreenMiddleware)

    def user() -> None:
        sqreen.track("early")
        sqreen.identify({"id": 7}, {"plan": "gold"})

    @app.get("/", dependencies=[Depends(user)])
    async def view() -> None:
        sqreen.track("late")
        sqreen.identify({"id": 8})
        sqreen.track("later")

    TestClient(app).get("/")

    users = {name: event.user_identifiers["id"] for name, event in delivered(memory).items()}
    assert users == {"early": "7", "late": "7", "later": "8"}


def test_ignored_paths_have_no_events(memory: list[Event]) -> None:
    """The requests work, and their events are ignored."""

    async def view(request: Request) -> PlainTextResponse:
        assert request.state.sqreen.track("x") is None
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route("/healthz", view)])
    app.add_middleware(SqreenMiddleware, ignore_paths="/healthz")

    assert TestClient(app).get("/healthz").text == "ok"
    assert delivered(memory) == {}


def test_sensitive_path_parameter_is_masked_in_the_path(memory: list[Event]) -> None:
    """A parameter with a sensitive name is masked in the text of the path too."""
    app = FastAPI()
    app.add_middleware(SqreenMiddleware)

    @app.get("/reset/{token}/{step}")
    def reset(token: str, step: int) -> str:
        sqreen.track("reset", properties={"step": step})
        return token

    assert TestClient(app).get("/reset/abc123/1").json() == "abc123"

    request = delivered(memory)["reset"].request
    assert request is not None
    assert request.path == "/reset/<Redacted by Sqreen>/1"
    assert request.params.path == {"token": "<Redacted by Sqreen>", "step": "1"}


def test_request_has_every_call(memory: list[Event]) -> None:
    """The context has all calls of the module, async ones included."""

    async def view(request: Request) -> PlainTextResponse:
        here = request.state.sqreen
        here.auth_track(True, email="a@b.c")
        assert await here.aflush()
        assert await here.aclose() == 0
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route("/", view)])
    app.add_middleware(SqreenMiddleware)

    assert TestClient(app).get("/").text == "ok"
    assert [event.name for event in memory] == ["sq.sdk.users.login"]


def test_task_does_not_keep_the_scope_alive(memory: list[Event]) -> None:
    """A task that outlives its request does not keep the scope or its values alive."""

    class User:
        """A part of the app that keeps the request's state."""

    users: list[weakref.ref[User]] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        user = scope["user"] = User()
        user.state = scope["state"]  # type: ignore[attr-defined]  # the app's
        users.append(weakref.ref(user))
        scope["later"].append(contextvars.copy_context())

    later: list[contextvars.Context] = []
    gc.disable()
    try:
        asyncio.run(call(SqreenMiddleware(app), {**http_scope(), "later": later}))
        assert users[0]() is None
        later[0].run(sqreen.track, "late")
    finally:
        gc.enable()

    assert delivered(memory)["late"].request is not None
