import asyncio
import io
import logging
from collections.abc import Iterator
from contextvars import Context
from typing import Any

import pytest
from flask import Blueprint, Flask, Request, Response, request, stream_with_context
from werkzeug.exceptions import NotFound

import sqreen_mw as sqreen
from sqreen_mw.protocol.event import Event
from tests.support.optional import need

ANSWER = {"ok": True}


def delivered(memory: list[Event]) -> dict[str, Event]:
    """Flush, and return the events by name."""
    assert sqreen.flush()
    return {event.name: event for event in memory}


def here() -> Any:
    """Return the context of the current request."""
    return request.sqreen  # type: ignore[attr-defined]  # the extension's


def make_app() -> Flask:
    """Create an app with a factory, as in Flask's documentation."""
    extension = sqreen.Sqreen()
    app = Flask(__name__)
    extension.init_app(app)
    return app


def test_request_has_a_context(memory: list[Event]) -> None:
    """``request.sqreen`` works in views, blueprints, hooks and error handlers."""
    app = make_app()
    blueprint = Blueprint("shop", __name__, url_prefix="/shop")

    @app.before_request
    def before() -> None:
        here().track("before")

    @blueprint.get("/items/<int:item>")
    def item(item: int) -> dict[str, bool]:
        here().identify({"id": item})
        here().track("view")
        return ANSWER

    @app.errorhandler(404)
    def missing(_: NotFound) -> tuple[str, int]:
        here().track("missing")
        return "no", 404

    app.register_blueprint(blueprint)
    client = app.test_client()
    assert client.get("/shop/items/7").json == ANSWER
    assert client.get("/nowhere").status_code == 404

    assert sqreen.flush()
    routes = [(e.name, e.request and e.request.route, e.user_identifiers) for e in memory]
    assert routes == [
        ("before", "/shop/items/<int:item>", {"id": "7"}),
        ("view", "/shop/items/<int:item>", {"id": "7"}),
        ("before", None, {}),
        ("missing", None, {}),
    ]
    statuses = [event.request and event.request.status for event in memory]
    assert statuses == [200, 200, 404, 404]


def test_async_views_and_streams_can_track(memory: list[Event]) -> None:
    """An async view and a streaming body use their request."""
    need("asgiref")
    app = make_app()

    @app.get("/async")
    async def asynchronous() -> str:
        sqreen.track("async")
        return "ok"

    @app.get("/stream")
    def stream() -> Response:
        def body() -> Iterator[str]:
            here().track("stream")
            yield "x"

        return Response(stream_with_context(body()))

    client = app.test_client()
    assert client.get("/async").text == "ok"
    assert client.get("/stream").text == "x"

    paths = {
        name: event.request and event.request.path for name, event in delivered(memory).items()
    }
    assert paths == {"async": "/async", "stream": "/stream"}


def test_app_is_wrapped_once(memory: list[Event]) -> None:
    """A second extension on the same app changes nothing."""
    app = make_app()
    wrapped = app.wsgi_app

    sqreen.Sqreen(app)

    assert app.wsgi_app == wrapped
    assert memory == []


def test_request_without_a_server_has_a_context(memory: list[Event]) -> None:
    """The context works in Flask's test_request_context()."""
    app = make_app()

    with app.test_request_context("/made-up"):
        here().track("x")
        assert here() is here()

    event = delivered(memory)["x"]
    assert event.request is not None
    assert event.request.path == "/made-up"


class OwnRequest(Request):
    """A request class of the app."""

    flavour = "vanilla"


@pytest.mark.parametrize("late", [False, True])
def test_request_class_of_the_app_is_kept(*, late: bool) -> None:
    """A subclass of Flask's request has a context, even if it is set later."""
    app = Flask(__name__)
    if not late:
        app.request_class = OwnRequest
    sqreen.Sqreen(app)
    if late:
        app.request_class = OwnRequest

    with app.test_request_context("/"):
        assert request.flavour == "vanilla"  # type: ignore[attr-defined]  # the app's
        assert here().stats() == sqreen.stats()


def test_body_reaches_the_view_unchanged(memory: list[Event]) -> None:
    """With collect_body, the event contains the form or JSON that the view read."""
    app = make_app()

    @app.post("/form")
    def form() -> str:
        here().track("form", collect_body=True)
        upload = request.files["photo"]
        return f"{request.form['coupon']} {upload.filename} {len(upload.read())}"

    @app.post("/unread")
    def unread() -> str:
        here().track("unread", collect_body=True)
        return "ok"

    client = app.test_client()
    data = {"coupon": "SPRING", "photo": (io.BytesIO(b"x" * 40_000), "me.png")}
    assert client.post("/form", data=data).text == "SPRING me.png 40000"
    assert client.post("/unread", data={"a": "1"}).text == "ok"

    events = delivered(memory)
    form_info, unread_info = events["form"].request, events["unread"].request
    assert form_info is not None
    assert unread_info is not None
    assert form_info.params.form["coupon"] == ["SPRING"]
    assert form_info.truncated
    assert unread_info.params.form == {}


def test_ignored_paths_have_no_events(memory: list[Event]) -> None:
    """The requests work, and their events are ignored."""
    app = Flask(__name__)
    sqreen.Sqreen(app, ignore_paths="/healthz /static/*")

    @app.get("/healthz")
    def health() -> str:
        assert here().track("x") is None
        assert sqreen.track("y") is None
        elsewhere = Context().run(sqreen.track, "z", request=request.environ)
        assert elsewhere is None
        assert here().identify({"id": 1}) is None
        assert here().auth_track(True, {"id": 1}) is None
        return "ok"

    assert app.test_client().get("/healthz").text == "ok"
    assert delivered(memory) == {}


def test_ignored_paths_can_flush_and_count(memory: list[Event]) -> None:
    """A health check may call stats() and flush()."""
    app = Flask(__name__)
    sqreen.Sqreen(app, ignore_paths="/healthz")

    @app.get("/healthz")
    def health() -> str:
        assert here().stats().tracked == 1
        assert here().flush(2, "one too many")
        assert here().stats().misuse == {"arguments": 1}
        assert asyncio.run(here().aflush())
        assert here().stats().delivered == 1
        assert here().close() == asyncio.run(here().aclose()) == 0
        assert here().track("x") is None
        return "ok"

    sqreen.track("before")
    assert app.test_client().get("/healthz").text == "ok"
    assert [event.name for event in memory] == ["before"]


def test_events_of_a_request_share_its_id(memory: list[Event]) -> None:
    """Another request has another id."""
    app = make_app()

    @app.get("/")
    def view() -> str:
        here().track("x")
        here().track("y")
        return "ok"

    client = app.test_client()
    client.get("/")
    client.get("/")

    assert sqreen.flush()
    ids = [event.request and event.request.id for event in memory]
    assert ids[0] == ids[1]
    assert ids[2] == ids[3]
    assert ids[0] != ids[2]


def test_request_has_every_call(memory: list[Event]) -> None:
    """The context has all calls of the module."""
    app = make_app()

    @app.get("/")
    def view() -> str:
        here().auth_track(True, email="a@b.c")
        here().signup_track({"email": "a@b.c"})
        assert not here().user_is_banned()
        assert here().flush()
        assert here().stats().tracked == 2
        assert here().close() == 0
        return "ok"

    assert app.test_client().get("/").text == "ok"
    assert [event.name for event in memory] == ["sq.sdk.users.login", "sq.sdk.users.signup"]


def test_identity_without_identifiers_is_logged(
    memory: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    """The user does not change, and the log line contains the fix."""
    app = make_app()

    @app.get("/")
    def view() -> str:
        here().identify({})
        here().identify("jane")
        here().track("x")
        return "ok"

    with caplog.at_level(logging.WARNING, logger="sqreen_mw"):
        app.test_client().get("/")

    assert delivered(memory)["x"].user_identifiers == {}
    assert "a user needs an identifier, such as {'email': ...}" in caplog.text
    assert "must be a dict such as {'email': ...}, not str" in caplog.text
