"""An app that uses all public names, for type checkers. An unused ignore comment fails."""

from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, assert_type
from wsgiref.types import WSGIApplication

from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware

import sqreen_mw as sqreen
from sqreen_mw.testing import CapturedEvents, capture_events


def outside_of_requests() -> None:
    """Call the module's functions in both forms."""
    assert_type(sqreen.track("cron.done"), str | None)
    assert_type(sqreen.track("cron.done", {"properties": {"count": 3}}), str | None)
    sqreen.track(
        "coupon.applied",
        properties={"code": "SPRING", "amounts": [1, 2.5], "nested": {"a": None}},
        user_identifiers={"id": 42, "email": "jane@example.org"},
        timestamp=datetime.now(UTC),
        collect_body=True,
        request=object(),
    )
    assert_type(sqreen.auth_track(True, email="jane@example.org"), str | None)
    assert_type(sqreen.auth_track(success=False, user_identifiers={"id": 42}), str | None)
    assert_type(sqreen.signup_track({"email": "jane@example.org"}), str | None)
    sqreen.identify({"id": 42}, traits={"plan": "free"})
    sqreen.identify(email="jane@example.org")
    assert_type(sqreen.user_is_banned(), bool)
    with sqreen.detached():
        sqreen.track("worker.started")
    assert_type(sqreen.flush(timeout=2.0), bool)
    assert_type(sqreen.close(), int)
    assert_type(sqreen.__version__, str)


async def on_an_event_loop() -> sqreen.Stats:
    """Deliver and return the counters."""
    assert_type(await sqreen.aflush(), bool)
    assert_type(await sqreen.aclose(timeout=2.0), int)
    stats = sqreen.stats()
    assert_type(stats.tracked, int)
    assert_type(stats.dropped, dict[str, int])
    return stats


def wrong_calls() -> None:
    """Make mistakes that a type checker finds."""
    sqreen.track("x", propertys={})  # type: ignore[call-arg]
    sqreen.track("x", {"propertys": {}})  # type: ignore[arg-type]
    sqreen.track("x", timestamp="now")  # type: ignore[arg-type]
    sqreen.track("x", properties="code")  # type: ignore[arg-type]
    sqreen.identify({"id": 4.2})  # type: ignore[dict-item]
    sqreen.flush("soon")  # type: ignore[arg-type]
    sqreen.SqreenWSGIMiddleware(Flask(__name__), host="localhost")  # type: ignore[call-arg]
    Starlette().add_middleware(sqreen.SqreenMiddleware, host="x")  # type: ignore[call-arg]


def renamed(event: sqreen.Event) -> sqreen.Event | None:
    """Change an event before it is sent."""
    assert_type(event.name, str)
    if event.request is None:
        return None
    assert_type(event.request.route, str | None)
    return event


def user_of(scope: MutableMapping[str, Any]) -> dict[str, str] | None:
    """Return the user of a request."""
    return {"username": str(scope["user"])} if "user" in scope else None


def asgi_apps() -> list[Starlette]:
    """Add the middleware with and without settings."""
    plain = Starlette(middleware=[Middleware(sqreen.SqreenMiddleware, app_name="shop")])
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware)
    app.add_middleware(
        sqreen.SqreenMiddleware,
        url="http://127.0.0.1:7070",
        token="sqm_...",
        flush_interval=0.5,
        trusted_proxies=["10.0.0.0/8"],
        ignore_paths="/healthz",
        strict=True,
        before_send=renamed,
    )
    app.add_middleware(sqreen.SqreenMiddleware, identify=user_of)
    sqreen.SqreenMiddleware(sqreen.SqreenMiddleware(app))
    return [plain, app]


def wsgi_apps() -> Flask:
    """Wrap an application, and use the extension in both forms."""
    app = Flask(__name__)
    wrapped: WSGIApplication = sqreen.SqreenWSGIMiddleware(app.wsgi_app)
    sqreen.SqreenWSGIMiddleware(wrapped)
    sqreen.Sqreen(app, url="memory://", environment="staging")
    sqreen.Sqreen(flask_login=True, release="1.2").init_app(app)
    return app


def errors() -> None:
    """Catch the errors of the start and of strict calls."""
    try:
        sqreen.SqreenMiddleware(FastAPI(), url="nowhere")
    except sqreen.ConfigurationError as error:
        assert_type(error, sqreen.ConfigurationError)
    try:
        sqreen.track("")
    except sqreen.SqreenUsageError as error:
        root: sqreen.SqreenError = error
        raise root from None


def test_of_an_app(sqreen_events: CapturedEvents) -> None:
    """Read the captured events like a test."""
    sqreen_events.assert_tracked("coupon.applied", properties={"code": "SPRING"})
    with capture_events() as events:
        assert_type(events, CapturedEvents)
        assert_type(events.one("x"), sqreen.Event)
        assert_type(events.names, list[str])
        assert_type([event.id for event in events], list[str])
