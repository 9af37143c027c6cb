"""The status of a request whose app raises an exception."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

import sqreen_mw as sqreen
from sqreen_mw.protocol.event import Event
from tests.support.optional import need_module


def outcome(memory: list[Event]) -> tuple[int | None, bool]:
    """Return the status of the only event's request, and whether the app crashed."""
    assert sqreen.flush()
    [event] = memory
    assert event.request is not None
    return event.request.status, event.request.crashed


BEFORE = (500, False)
"""The app raised before its response had started, so the server answers 500."""

LATER = (200, True)
"""The app raised later, so the server breaks the response off."""


@pytest.mark.parametrize(("streams", "expected"), [(False, BEFORE), (True, LATER)])
def test_fastapi_app_that_raises(
    memory: list[Event], expected: tuple[int, bool], *, streams: bool
) -> None:
    """FastAPI answers outside of its middlewares."""
    app = FastAPI()

    async def parts() -> AsyncIterator[bytes]:
        yield b"x"
        raise RuntimeError("a failing stream")

    @app.get("/")
    def view() -> Any:
        sqreen.track("x")
        if streams:
            return StreamingResponse(parts())
        raise RuntimeError("a failing view")

    app.add_middleware(sqreen.SqreenMiddleware)
    client = TestClient(app, raise_server_exceptions=False)

    assert client.get("/").status_code == expected[0]
    assert outcome(memory) == expected


class Parts:
    """A response that raises in the n-th step, as an iterator that is no generator."""

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def __iter__(self) -> "Parts":
        return self

    def __next__(self) -> bytes:
        self._steps -= 1
        if self._steps < 0:
            raise RuntimeError("a failing response")
        return b"x"


def generated(steps: int) -> Iterator[bytes]:
    """Do the same as a generator."""
    yield from Parts(steps)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Parts(0), BEFORE),
        (lambda: Parts(1), LATER),
        (lambda: generated(0), BEFORE),
        (lambda: generated(1), LATER),
        (lambda: iter([b"x"]), (200, False)),
        (lambda: (part for part in [b"x"]), (200, False)),
    ],
    ids=["object-before", "object-later", "generator-before", "generator-later", "ok", "ok-too"],
)
def test_wsgi_response_that_raises(
    memory: list[Event], make: Any, expected: tuple[int, bool]
) -> None:
    """A WSGI server sends the status with the first part of the response, as PEP 3333 demands."""

    def app(_: object, start: Any) -> Any:
        sqreen.track("x")
        start("200 OK", [])
        return make()

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    body: Any = sqreen.SqreenWSGIMiddleware(app)(environ, lambda *_: lambda _: None)
    with suppress(RuntimeError):
        list(body)
    body.close()

    assert outcome(memory) == expected


@pytest.mark.parametrize("started", [False, True])
def test_wsgi_app_that_raises(memory: list[Event], *, started: bool) -> None:
    """Without a part of the body, the server has not sent the status yet."""

    def app(_: object, start: Any) -> Any:
        sqreen.track("x")
        if started:
            start("200 OK", [])
        raise RuntimeError("a failing app")

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    with pytest.raises(RuntimeError):
        sqreen.SqreenWSGIMiddleware(app)(environ, lambda *_: lambda _: None)

    assert outcome(memory) == BEFORE


@pytest.mark.parametrize("taken_first", [True, False])
def test_flask_app_that_passes_its_exceptions_on(memory: list[Event], *, taken_first: bool) -> None:
    """Flask does that under a debugger, also past our middleware."""
    app = Flask(__name__)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    entry: Any = app.wsgi_app
    sqreen.Sqreen(app)

    @app.get("/")
    def view() -> str:
        sqreen.track("x")
        raise RuntimeError("a failing view")

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    with pytest.raises(RuntimeError):
        (entry if taken_first else app)(environ, lambda *_: lambda _: None)

    assert outcome(memory) == BEFORE


@pytest.mark.parametrize("mode", ["wsgi", "asgi"])
def test_django_view_that_raises(memory: list[Event], mode: str) -> None:
    """Django answers 500 itself."""
    site = need_module("tests.middleware.django_site.client", package="django")

    assert site.ask(mode, "/boom/")[0] == 500
    assert outcome(memory) == BEFORE


@pytest.mark.parametrize("error", [asyncio.CancelledError, KeyboardInterrupt])
def test_end_from_outside_is_no_crash(memory: list[Event], error: type[BaseException]) -> None:
    """A client that disconnects cancels the app; the event has no status."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        sqreen.track("x")
        raise error

    serving = sqreen.SqreenMiddleware(app)({"type": "http", "path": "/"}, None, None)
    with pytest.raises(error):
        serving.send(None)

    assert outcome(memory) == (None, False)


def test_websocket_that_raises_has_no_status(memory: list[Event]) -> None:
    """A websocket has no response."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            raise RuntimeError("a failing websocket")
        finally:
            scope["state"]["sqreen"].track("x")

    with pytest.raises(RuntimeError):
        asyncio.run(sqreen.SqreenMiddleware(app)({"type": "websocket", "path": "/"}, None, None))

    assert outcome(memory) == (None, False)
