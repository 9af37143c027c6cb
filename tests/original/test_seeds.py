"""The examples and rules of the original's documentation, in Python."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fastapi import FastAPI, Request
from flask import Flask
from flask import request as flask_request
from starlette.testclient import TestClient

import sqreen_mw as sqreen
from sqreen_mw.protocol.event import Event

View = Callable[[], object]
Sent = Callable[..., list[Event]]

USER = {"email": "jane@example.org"}


@pytest.fixture(params=["fastapi", "flask"])
def sent(request: pytest.FixtureRequest, memory: list[Event]) -> Sent:
    """Return a function that runs a view for one request in a framework and returns its events."""
    serve = _in_fastapi if request.param == "fastapi" else _in_flask

    def run(view: View, **options: Any) -> list[Event]:
        serve(view, options)
        assert sqreen.flush()
        return memory

    return run


def _in_fastapi(view: View, options: dict[str, Any]) -> None:
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware)

    @app.post("/path/{parameter}")
    async def post(request: Request, parameter: str) -> str:
        await request.body()
        view()
        return parameter

    TestClient(app, client=("203.0.113.9", 1)).post("/path/value?q=1", **options)


def _in_flask(view: View, options: dict[str, Any]) -> None:
    app = Flask(__name__)
    sqreen.Sqreen(app)

    @app.post("/path/<parameter>")
    def post(parameter: str) -> str:
        flask_request.get_data()
        view()
        return parameter

    peer = {"REMOTE_ADDR": "203.0.113.9"}
    app.test_client().post("/path/value?q=1", environ_base=peer, **options)


def test_track_by_name(sent: Sent) -> None:
    """``Sqreen.track(event.name)`` records an event of that name."""
    [event] = sent(lambda: sqreen.track("event.name"))

    assert event.name == "event.name"
    assert event.properties == {}


def test_default_properties(sent: Sent) -> None:
    """Client IP, user agent, requested path, HTTP verb and HTTP parameters are recorded."""
    [event] = sent(lambda: sqreen.track("x"), headers={"User-Agent": "curl/8"})

    request = event.request
    assert request is not None
    assert request.ip == "203.0.113.9"
    assert request.user_agent == "curl/8"
    assert request.path == "/path/value"
    assert request.verb == "POST"
    assert request.params.query == {"q": ["1"]}
    assert request.params.path == {"parameter": "value"}


def test_properties(sent: Sent) -> None:
    """``{properties: {foo: 'bar'}}`` is an object with arbitrary parameters."""
    [event] = sent(lambda: sqreen.track("event.name", {"properties": {"foo": "bar"}}))

    assert event.properties == {"foo": "bar"}


def test_sixteen_properties(sent: Sent) -> None:
    """Up to 16 properties can be given."""
    properties = {f"p{index}": index for index in range(16)}

    [event] = sent(lambda: sqreen.track("x", properties=properties))

    assert event.properties == properties
    assert not event.truncated


def test_user_identifiers(sent: Sent) -> None:
    """``user_identifiers`` is the account which performed the event."""
    [event] = sent(lambda: sqreen.track("x", {"user_identifiers": USER}))

    assert event.user_identifiers == USER


def test_identify_sets_the_user_of_the_request(sent: Sent) -> None:
    """All events of the request have the identity, unless an event has its own."""

    def view() -> None:
        sqreen.identify(USER, {"plan": "gold"})
        sqreen.track("same")
        sqreen.track("own", user_identifiers={"id": 7})

    same, own = sent(view)

    assert (same.user_identifiers, same.user_traits) == (USER, {"plan": "gold"})
    assert (own.user_identifiers, own.user_traits) == ({"id": "7"}, {})


@pytest.mark.parametrize(
    ("when", "milliseconds"),
    [
        (datetime(2018, 3, 15, 14, 42, tzinfo=timezone(timedelta(hours=1))), 1_521_121_320_000),
        (datetime(2018, 4, 15, 14, 42, 0, tzinfo=UTC), 1_523_803_320_000),
    ],
)
def test_events_from_the_past(sent: Sent, when: datetime, milliseconds: int) -> None:
    """A timestamp overrides the present time."""
    properties = {"foo": "bar"}

    [event] = sent(lambda: sqreen.track("x", {"properties": properties, "timestamp": when}))

    assert event.timestamp == milliseconds


def test_body_is_collected_with_collect_body_only(sent: Sent) -> None:
    """``collect_body`` adds the request's body to the event; by default it is not collected."""

    def view() -> None:
        sqreen.track("without")
        sqreen.track("with", collect_body=True)

    without, with_body = sent(view, json={"coupon": "SPRING"})

    assert without.request is not None
    assert with_body.request is not None
    assert without.request.params.json is None
    assert with_body.request.params.json == {"coupon": "SPRING"}


def test_sensitive_data_is_scrubbed(sent: Sent) -> None:
    """The default properties are scrubbed."""

    def view() -> None:
        sqreen.track("x", collect_body=True)

    [event] = sent(view, json={"password": "hunter2", "card": "4111 1111 1111 1111"})

    assert event.request is not None
    assert event.request.params.json == {
        "password": "<Redacted by Sqreen>",
        "card": "<Redacted by Sqreen>",
    }


def test_request_can_be_passed(memory: list[Event]) -> None:
    """``request`` is used if the current request can't be found."""
    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/elsewhere",
        "headers": [],
        "client": ("203.0.113.9", 1),
    }

    sqreen.track("x", request=scope)

    assert sqreen.flush()
    assert memory[0].request is not None
    assert (memory[0].request.verb, memory[0].request.path) == ("PUT", "/elsewhere")


def test_request_objects_have_sqreen(memory: list[Event]) -> None:
    """``req.sqreen.track`` is ``request.state.sqreen`` and ``flask.request.sqreen``."""
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware)

    @app.get("/path/{parameter}")
    def path(request: Request, parameter: str) -> str:
        request.state.sqreen.track("foobar", {"properties": {"prop1": "value1", "prop2": "value2"}})
        return parameter

    flask_app = Flask(__name__)
    sqreen.Sqreen(flask_app)

    @flask_app.get("/path/<parameter>")
    def flask_path(parameter: str) -> str:
        flask_request.sqreen.track("foobar", properties={"prop1": "value1", "prop2": "value2"})  # type: ignore[attr-defined]  # set by the extension
        return parameter

    TestClient(app).get("/path/x")
    flask_app.test_client().get("/path/x")

    assert sqreen.flush()
    assert [(event.name, event.properties) for event in memory] == [
        ("foobar", {"prop1": "value1", "prop2": "value2"})
    ] * 2


def test_logins_and_signups(sent: Sent) -> None:
    """``auth_track`` and ``signup_track`` accept the arguments of ``identify``, and identify."""

    def view() -> None:
        sqreen.auth_track(False, email="jane@example.org")
        sqreen.track("after a failure")
        sqreen.auth_track(True, USER)
        sqreen.track("after a login")
        sqreen.signup_track({"email": "new@example.org"})
        sqreen.track("after a sign-up")

    events = sent(view)

    new = {"email": "new@example.org"}
    assert [(event.name, event.properties, event.user_identifiers) for event in events] == [
        ("sq.sdk.users.login", {"success": False}, USER),
        # No user is identified yet: the first identity of the request is used.
        ("after a failure", {}, USER),
        ("sq.sdk.users.login", {"success": True}, USER),
        ("after a login", {}, USER),
        ("sq.sdk.users.signup", {}, new),
        ("after a sign-up", {}, new),
    ]


def test_events_are_flushed_when_the_app_exits(memory: list[Event]) -> None:
    """The waiting events are delivered at the exit."""
    sqreen.track("last")

    assert sqreen.close() == 0
    assert [event.name for event in memory] == ["last"]
