import asyncio
import io
import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest

import sqreen_mw as sqreen
from sqreen_mw.middleware.asgi import SqreenMiddleware
from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware
from sqreen_mw.protocol.event import Event
from tests.transparency.asgi_drive import Server, scope_of
from tests.transparency.asgi_tap import Receive, Scope, Send
from tests.transparency.hostile import (
    BODIES,
    ENVIRON_LEFT_OUT,
    ENVIRONS,
    LEFT_OUT,
    PROPERTIES,
    SCOPES,
)
from tests.transparency.wsgi_drive import environ_of
from tests.transparency.wsgi_tap import Environ, StartResponse


def tracked() -> str:
    """Track, in every way that there is, and return the answer."""
    sqreen.track("event", properties={"a": 1})
    return "answer"


async def asgi_app(_scope: Scope, receive: Receive, send: Send) -> Any:
    """Answer, and track before, between and after."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
    return tracked()


def wsgi_app(_environ: Environ, start: StartResponse) -> Iterator[bytes]:
    """Answer, and track in between."""
    start("200 OK", [])
    yield tracked().encode()


def serve(scope: Scope) -> object:
    """Serve a scope with the middleware, and return the app's value."""
    server = Server([{"type": "http.request", "body": b"\xff{"}])
    middleware: Any = SqreenMiddleware(asgi_app)
    value: object = asyncio.run(middleware(scope, server.receive, server.send))
    assert len(server.sent) == 2
    return value


def arrives(memory: list[Event]) -> None:
    """See that the event has arrived, whatever its request was like."""
    assert sqreen.flush()
    assert [event.name for event in memory] == ["event"]


@pytest.mark.parametrize("name", SCOPES)
def test_no_scope_disturbs_the_app(memory: list[Event], name: str) -> None:
    """Whatever a scope holds, the app runs as ever, and its event arrives."""
    assert serve(scope_of("http", "x", **SCOPES[name])) == "answer"
    arrives(memory)


@pytest.mark.parametrize("key", LEFT_OUT)
def test_nothing_of_a_scope_is_needed(memory: list[Event], key: str) -> None:
    """Whatever a scope leaves out, the app runs as ever, and its event arrives."""
    scope = scope_of("http", "x")
    del scope[key]

    assert serve(scope) == "answer"
    arrives(memory)


def test_headers_that_can_be_read_once_are_the_apps(memory: list[Event]) -> None:
    """Where a scope's headers are an iterator, the app still finds them all."""
    fields = [(b"host", b"shop.test"), (b"user-agent", b"curl/8")]
    found: list[Any] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        sqreen.track("event")
        assert sqreen.flush()
        found.extend(scope["headers"])

    server = Server([])
    scope = scope_of("http", "x", headers=iter(fields))
    asyncio.run(SqreenMiddleware(app)(scope, server.receive, server.send))

    assert found == fields
    arrives(memory)


@pytest.mark.parametrize("name", ENVIRONS)
def test_no_environ_disturbs_the_app(memory: list[Event], name: str) -> None:
    """Whatever an environ holds, the app runs as ever, and its event arrives."""
    environ = environ_of("x", **ENVIRONS[name])

    body: Any = SqreenWSGIMiddleware(wsgi_app)(environ, lambda *_: bytearray().extend)

    assert [*body] == [b"answer"]
    body.close()
    arrives(memory)


@pytest.mark.parametrize("key", ENVIRON_LEFT_OUT)
def test_nothing_of_an_environ_is_needed(memory: list[Event], key: str) -> None:
    """Whatever an environ leaves out, the app runs as ever, and its event arrives."""
    environ = environ_of("x")
    environ.pop(key, None)

    body: Any = SqreenWSGIMiddleware(wsgi_app)(environ, lambda *_: bytearray().extend)

    assert [*body] == [b"answer"]
    body.close()
    arrives(memory)


@pytest.mark.parametrize("name", PROPERTIES)
def test_no_property_raises_into_the_app(memory: list[Event], name: str) -> None:
    """Whatever the app tracks, nothing is raised; it is what it was, and the event arrives."""
    sqreen.track("event", properties=PROPERTIES[name])

    arrives(memory)


@pytest.mark.parametrize("name", PROPERTIES)
def test_no_identifier_raises_into_the_app(memory: list[Event], name: str) -> None:
    """Whatever the app takes for a user, nothing is raised, and the event arrives."""
    sqreen.track("event", user_identifiers=PROPERTIES[name])

    arrives(memory)


@pytest.mark.parametrize("name", BODIES)
def test_no_body_disturbs_the_asgi_app(memory: list[Event], name: str) -> None:
    """Whatever the client sends, the app reads it, and the event that collects it arrives."""
    content_type, data = BODIES[name]
    read: list[bytes] = []

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        read.append((await receive())["body"])
        sqreen.track("event", collect_body=True)

    fields = [(b"content-type", content_type.encode())]
    server = Server([{"type": "http.request", "body": data}])
    scope = scope_of("http", "x", headers=fields)
    asyncio.run(SqreenMiddleware(app)(scope, server.receive, server.send))

    assert read == [data]
    arrives(memory)


@pytest.mark.parametrize("name", BODIES)
def test_no_body_disturbs_the_wsgi_app(memory: list[Event], name: str) -> None:
    """Whatever the client sends, the app reads it, and the event that collects it arrives."""
    content_type, data = BODIES[name]
    read: list[bytes] = []

    def app(environ: Environ, start: StartResponse) -> list[bytes]:
        start("200 OK", [])
        read.append(environ["wsgi.input"].read(len(data)))
        sqreen.track("event", collect_body=True)
        return []

    environ = environ_of("x", body=io.BytesIO(data), length=len(data), CONTENT_TYPE=content_type)
    _ = SqreenWSGIMiddleware(app)(environ, lambda *_: bytearray().extend)

    assert read == [data]
    arrives(memory)


class Broken(logging.Handler):
    """A log handler of the app that fails."""

    def emit(self, _: logging.LogRecord) -> None:
        """Fail."""
        raise RuntimeError("the disk is full")


@pytest.mark.usefixtures("memory")
def test_a_broken_log_does_not_reach_the_app() -> None:
    """Where the app's own logging raises, ``track()`` still does not."""
    handler = Broken()
    logging.getLogger("sqreen_mw").addHandler(handler)
    try:
        assert sqreen.track("") is None
    finally:
        logging.getLogger("sqreen_mw").removeHandler(handler)


@pytest.mark.parametrize("status", ["200", b"200", 99, 1000, 200.5, True, None, HTTPStatus.OK])
def test_no_status_of_an_answer_costs_the_event(memory: list[Event], status: object) -> None:
    """Whatever an app says as its status, the event arrives, with a status that can be one."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        sqreen.track("event")

    server = Server([])
    asyncio.run(SqreenMiddleware(app)(scope_of("http", "x"), server.receive, server.send))

    arrives(memory)
    request = memory[0].request
    assert request is not None
    assert request.status == (200 if status in {"200", HTTPStatus.OK} else None)


@pytest.mark.parametrize("status", ["000 None", "99 Few", "1000 Many", "", "abc", "٢٠٠ OK"])
def test_no_status_line_costs_the_event(memory: list[Event], status: str) -> None:
    """Whatever an app says as its status line, the event arrives."""

    def app(_environ: Environ, start: StartResponse) -> list[bytes]:
        start(status, [])
        sqreen.track("event")
        return []

    _ = SqreenWSGIMiddleware(app)(environ_of("x"), lambda *_: bytearray().extend)

    arrives(memory)
