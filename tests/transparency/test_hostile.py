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
    """Track an event, and return a value."""
    sqreen.track("event", properties={"a": 1})
    return "answer"


async def asgi_app(_scope: Scope, receive: Receive, send: Send) -> Any:
    """Respond, then track."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
    return tracked()


def wsgi_app(_environ: Environ, start: StartResponse) -> Iterator[bytes]:
    """Track in the middle of the response."""
    start("200 OK", [])
    yield tracked().encode()


def serve(scope: Scope) -> object:
    """Serve a scope with the middleware, and return the value of the app."""
    server = Server([{"type": "http.request", "body": b"\xff{"}])
    middleware: Any = SqreenMiddleware(asgi_app)
    value: object = asyncio.run(middleware(scope, server.receive, server.send))
    assert len(server.sent) == 2
    return value


def arrives(memory: list[Event]) -> None:
    """Assert that the event arrived."""
    assert sqreen.flush()
    assert [event.name for event in memory] == ["event"]


@pytest.mark.parametrize("name", SCOPES)
def test_unusual_scope_changes_nothing(memory: list[Event], name: str) -> None:
    """Unusual values in a scope change nothing for the app, and the event arrives."""
    assert serve(scope_of("http", "x", **SCOPES[name])) == "answer"
    arrives(memory)


@pytest.mark.parametrize("key", LEFT_OUT)
def test_scope_keys_may_be_missing(memory: list[Event], key: str) -> None:
    """A missing scope key changes nothing for the app, and the event arrives."""
    scope = scope_of("http", "x")
    del scope[key]

    assert serve(scope) == "answer"
    arrives(memory)


def test_one_shot_headers_are_left_to_the_app(memory: list[Event]) -> None:
    """If the headers of a scope are an iterator, the app still gets all of them."""
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
def test_unusual_environ_changes_nothing(memory: list[Event], name: str) -> None:
    """Unusual values in an environ change nothing for the app, and the event arrives."""
    environ = environ_of("x", **ENVIRONS[name])

    body: Any = SqreenWSGIMiddleware(wsgi_app)(environ, lambda *_: bytearray().extend)

    assert [*body] == [b"answer"]
    body.close()
    arrives(memory)


@pytest.mark.parametrize("key", ENVIRON_LEFT_OUT)
def test_environ_keys_may_be_missing(memory: list[Event], key: str) -> None:
    """A missing environ key changes nothing for the app, and the event arrives."""
    environ = environ_of("x")
    environ.pop(key, None)

    body: Any = SqreenWSGIMiddleware(wsgi_app)(environ, lambda *_: bytearray().extend)

    assert [*body] == [b"answer"]
    body.close()
    arrives(memory)


@pytest.mark.parametrize("name", PROPERTIES)
def test_unusual_properties_never_raise(memory: list[Event], name: str) -> None:
    """Unusual properties never raise, and the event arrives."""
    sqreen.track("event", properties=PROPERTIES[name])

    arrives(memory)


@pytest.mark.parametrize("name", PROPERTIES)
def test_unusual_identifiers_never_raise(memory: list[Event], name: str) -> None:
    """Unusual user identifiers never raise, and the event arrives."""
    sqreen.track("event", user_identifiers=PROPERTIES[name])

    arrives(memory)


@pytest.mark.parametrize("name", BODIES)
def test_asgi_app_reads_any_body(memory: list[Event], name: str) -> None:
    """The app reads any body unchanged, and the event that collects it arrives."""
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
def test_wsgi_app_reads_any_body(memory: list[Event], name: str) -> None:
    """The app reads any body unchanged, and the event that collects it arrives."""
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
    """A log handler that fails."""

    def emit(self, _: logging.LogRecord) -> None:
        """Raise an error."""
        raise RuntimeError("the disk is full")


@pytest.mark.usefixtures("memory")
def test_broken_log_handler_never_raises() -> None:
    """If the logging of the app raises, ``track()`` does not."""
    handler = Broken()
    logging.getLogger("sqreen_mw").addHandler(handler)
    try:
        assert sqreen.track("") is None
    finally:
        logging.getLogger("sqreen_mw").removeHandler(handler)


@pytest.mark.parametrize("status", ["200", b"200", 99, 1000, 200.5, True, None, HTTPStatus.OK])
def test_invalid_status_is_left_out(memory: list[Event], status: object) -> None:
    """An event with any status arrives; an invalid status is left out."""

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
def test_invalid_status_line_keeps_the_event(memory: list[Event], status: str) -> None:
    """An event with any status line arrives."""

    def app(_environ: Environ, start: StartResponse) -> list[bytes]:
        start(status, [])
        sqreen.track("event")
        return []

    _ = SqreenWSGIMiddleware(app)(environ_of("x"), lambda *_: bytearray().extend)

    arrives(memory)
