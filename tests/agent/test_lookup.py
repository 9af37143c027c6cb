import asyncio
import gc
import weakref
from typing import Any

import pytest
from flask import Flask
from flask import request as flask_request
from starlette.requests import HTTPConnection, Request
from werkzeug.test import EnvironBuilder

import sqreen_mw as sqreen
from sqreen_mw.middleware.asgi import SqreenMiddleware
from sqreen_mw.protocol.event import Event

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/given",
    "query_string": b"a=1",
    "headers": [(b"user-agent", b"curl/8")],
    "client": ("203.0.113.9", 1),
}
ENVIRON: dict[str, Any] = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/given",
    "QUERY_STRING": "a=1",
    "HTTP_USER_AGENT": "curl/8",
    "REMOTE_ADDR": "203.0.113.9",
}


class DjangoRequest:
    """The relevant part of Django's request."""

    META = ENVIRON


def werkzeug_request() -> Any:
    """Return a request of Werkzeug."""
    headers = [("User-Agent", "curl/8")]
    peer = {"REMOTE_ADDR": "203.0.113.9"}
    return EnvironBuilder(
        "/given", query_string="a=1", headers=headers, environ_base=peer
    ).get_request()


@pytest.mark.parametrize(
    "request_",
    [
        SCOPE,
        Request(SCOPE),
        HTTPConnection(SCOPE),
        ENVIRON,
        DjangoRequest(),
        werkzeug_request(),
    ],
    ids=["scope", "starlette", "connection", "environ", "django", "werkzeug"],
)
def test_track_accepts_requests_of_all_frameworks(memory: list[Event], request_: object) -> None:
    """``track(request=...)`` reads requests of all frameworks."""
    sqreen.track("x", request=request_)

    assert sqreen.flush()
    told = memory[0].request
    assert told is not None
    assert (told.verb, told.path, told.ip) == ("GET", "/given", "203.0.113.9")
    assert told.user_agent == "curl/8"
    assert told.params.query == {"a": ["1"]}


def test_request_of_a_middleware_keeps_its_context(memory: list[Event]) -> None:
    """Inside a middleware, ``request=`` uses the existing context."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        sqreen.identify({"id": 1})
        sqreen.track("current")
        sqreen.track("given", request=Request(scope))

    asyncio.run(SqreenMiddleware(app)({**SCOPE}, None, None))

    assert sqreen.flush()
    current, given = memory
    assert current.request == given.request
    assert current.user_identifiers == given.user_identifiers == {"id": "1"}


def test_track_accepts_the_proxy_of_flask(memory: list[Event]) -> None:
    """It works inside and without the middleware."""
    app = Flask(__name__)

    @app.get("/given")
    def view() -> str:
        sqreen.track("x", request=flask_request)
        return "ok"

    app.test_client().get("/given")

    assert sqreen.flush()
    assert memory[0].request is not None
    assert (memory[0].request.path, memory[0].request.route) == ("/given", "/given")


@pytest.mark.parametrize("request_", [{**SCOPE}, Request({**SCOPE}), werkzeug_request()])
def test_events_of_a_passed_request_share_its_id(memory: list[Event], request_: object) -> None:
    """All events of one request have the same id, even without a middleware."""
    sqreen.track("a", request=request_)
    sqreen.track("b", request=request_)
    sqreen.track("c", request={**ENVIRON})

    assert sqreen.flush()
    ids = [event.request and event.request.id for event in memory]
    assert ids[0] == ids[1] != ids[2]


def test_passed_request_is_released(memory: list[Event]) -> None:
    """A request is released when its events are delivered."""
    request_ = Request({**SCOPE})
    gone = weakref.ref(request_)
    gc.disable()
    try:
        sqreen.track("x", request=request_)
        assert sqreen.flush()
        del request_

        assert gone() is None
    finally:
        gc.enable()
    assert len(memory) == 1


class Raising:
    """An object whose attributes raise."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class RaisingScope(dict[str, Any]):
    """A scope whose ``get`` raises."""

    def get(self, *_: Any) -> Any:
        """Raise."""
        raise RuntimeError("get")


@pytest.mark.parametrize(
    "request_",
    [42, "GET /", {}, {"type": "lifespan"}, object(), Raising(), RaisingScope(type="http")],
    ids=["int", "str", "dict", "lifespan", "object", "raising", "raising scope"],
)
def test_unknown_request_type_is_logged(
    memory: list[Event], caplog: pytest.LogCaptureFixture, request_: object
) -> None:
    """The event is kept without a request."""
    assert sqreen.track("x", request=request_)

    assert sqreen.flush()
    assert memory[0].request is None
    assert "can't read a request of type" in caplog.text


def test_flask_proxy_outside_a_request_is_logged(
    memory: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    """The proxy raises, and the event of a cron job is kept without a request."""
    assert sqreen.track("cron", request=flask_request)

    assert sqreen.flush()
    assert memory[0].request is None
    assert "can't read a request of type LocalProxy" in caplog.text
