"""Middlewares of Starlette that are outside of ours."""

import logging
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.testclient import TestClient

import sqreen_mw as sqreen
from sqreen_mw.protocol.event import Event


def make_app(*middlewares: Any, **settings: Any) -> FastAPI:
    """Return an app with middlewares, the outermost one last."""
    app = FastAPI()
    for middleware in middlewares:
        app.add_middleware(middleware, **(settings if middleware is OURS else {}))
    return app


OURS = sqreen.SqreenMiddleware


@pytest.mark.parametrize("lifespan", [True, False])
@pytest.mark.parametrize("ignored", ["", "/healthz"])
def test_outer_middlewares_are_logged_once(
    memory: list[Event], caplog: pytest.LogCaptureFixture, ignored: str, *, lifespan: bool
) -> None:
    """The line names them at the start, or at the first request if there is no lifespan."""
    app = make_app(OURS, GZipMiddleware, CORSMiddleware, ignore_paths=ignored)

    with caplog.at_level(logging.WARNING, logger="sqreen_mw"):
        client = TestClient(app)
        if lifespan:
            with client:
                pass
        client.get("/")
        client.get("/")

    [line] = caplog.messages
    assert line.startswith("SqreenMiddleware is inside of CORSMiddleware, GZipMiddleware, so")
    assert memory == []


@pytest.mark.parametrize("url", ["memory://test", None])
def test_right_order_is_not_logged(caplog: pytest.LogCaptureFixture, url: str | None) -> None:
    """Nothing is logged if ours is the last one, or if it is not configured."""
    app = make_app(GZipMiddleware, OURS, url=url) if url else make_app(OURS, GZipMiddleware)

    with caplog.at_level(logging.WARNING, logger="sqreen_mw"), TestClient(app):
        pass

    assert caplog.messages == []


def test_unknown_app_in_the_scope_does_no_harm(memory: list[Event]) -> None:
    """Other frameworks may put any object there."""

    class Strange:
        user_middleware = (object(),)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    ours = sqreen.SqreenMiddleware(app)

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        await ours({**scope, "app": Strange()}, receive, send)

    assert TestClient(outer).get("/").status_code == 204
    assert memory == []
