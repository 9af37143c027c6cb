"""Copies of scopes, environs and requests, which other middlewares and frameworks make."""

import asyncio
import copy
import io
import pickle
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from fastapi import FastAPI, Request
from flask import Flask
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from werkzeug.test import Client

import sqreen_mw as sqreen
from sqreen_mw.agent.context import current_request
from sqreen_mw.protocol.event import Event
from tests.support.optional import need_module

COPIES: dict[str, Callable[[Any], Any]] = {
    "copied": copy.copy,
    "deepcopied": copy.deepcopy,
    "copied.twice": lambda value: copy.deepcopy(copy.copy(value)),
}


def pickled(value: Any) -> Any:
    """Return the value after pickling."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 our own


def track_with_copies(calls: Any) -> None:
    """Track an event with each copy of an object that has our calls, and one with its pickle."""
    for name, make in COPIES.items():
        assert make({"calls": calls})["calls"].track(name)
    pickled(calls).stats()


class ScopeCopier:
    """A middleware of another project that deep-copies the scope, as Hypercorn's do."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Call the app with a copy."""
        await self._app(copy.deepcopy(scope), receive, send)


def paths(memory: list[Event]) -> dict[str, object]:
    """Flush, and return the path of each event by its name."""
    assert sqreen.flush()
    return {event.name: event.request and event.request.path for event in memory}


def starlette_site() -> None:
    """Send a request to a Starlette app behind a middleware that copies the scope."""

    async def view(request: Request) -> PlainTextResponse:
        track_with_copies(request.state.sqreen)
        track_with_copies(copy.deepcopy(request.scope["state"])["sqreen"])
        return PlainTextResponse("ok")

    app: Any = Starlette(routes=[Route("/visit", view)])
    app = sqreen.SqreenMiddleware(ScopeCopier(app))
    assert TestClient(app).get("/visit").text == "ok"


def fastapi_site() -> None:
    """Send a request to a FastAPI app behind a middleware that copies the scope."""
    app = FastAPI()

    @app.get("/visit")
    def view(request: Request) -> None:
        track_with_copies(request.state.sqreen)

    outer: Any = sqreen.SqreenMiddleware(ScopeCopier(app))
    assert TestClient(outer).get("/visit").status_code == 200


def flask_site() -> None:
    """Send a request with a body to a Flask app that copies the environ."""
    app = Flask(__name__)
    sqreen.Sqreen(app)
    of_the_server = {"werkzeug.request", "wsgi.errors"}  # no copy of these is possible

    @app.post("/visit")
    def view() -> str:
        known = flask_request.environ.items()
        copied = copy.deepcopy({key: value for key, value in known if key not in of_the_server})
        track_with_copies(copied["sqreen.request"])
        return f"{copied['wsgi.input'].read()!r} {flask_request.data!r}"

    assert Client(app).post("/visit", data=b"body").text == "b'body' b'body'"


def django_site(factory: str) -> None:
    """Send a request with a body to a Django view that copies and pickles its request."""
    site = need_module("tests.middleware.django_site.client", package="django")

    def view(request: Any) -> Any:
        copied = copy.deepcopy(request)
        assert copied.sqreen is request.sqreen is current_request()
        assert copied.META["sqreen.request"] is request.sqreen
        track_with_copies(copied.sqreen)
        pickled(request).sqreen.stats()
        return site.HttpResponse(request.body)

    request = getattr(site, factory)().post("/visit", b"body", content_type="text/plain")
    assert site.SqreenMiddleware(view)(request).content == b"body"


SITES = {
    "starlette": starlette_site,
    "fastapi": fastapi_site,
    "flask": flask_site,
    "django": lambda: django_site("RequestFactory"),
    "django-asgi": lambda: django_site("AsyncRequestFactory"),
}


@pytest.mark.parametrize("visit", SITES.values(), ids=SITES)
def test_copy_refers_to_the_same_request(memory: list[Event], visit: Callable[[], None]) -> None:
    """Copies of the context track events of the request, and a pickle does no harm."""
    visit()

    assert paths(memory) == dict.fromkeys(COPIES, "/visit")


def test_pickle_refers_to_no_request(memory: list[Event]) -> None:
    """Events that another process tracks with it have no request and no user."""
    pickles: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        sqreen.identify({"email": "jane@example.org"})
        pickles.append(pickle.dumps(scope["state"]))

    asyncio.run(sqreen.SqreenMiddleware(app)({"type": "http", "path": "/"}, None, None))
    state = pickle.loads(pickles[0])  # noqa: S301 our own
    assert state["sqreen"].track("elsewhere")

    assert sqreen.flush()
    assert [(event.request, event.user_identifiers) for event in memory] == [(None, {})]


def environ_of(**changes: Any) -> dict[str, Any]:
    """Return the environ of a plain request."""
    environ = dict(changes)
    setup_testing_defaults(environ)
    return environ


def start(*_: object) -> Callable[[bytes], None]:
    """Accept the status and headers."""
    return lambda _: None


def send_file(file: io.BytesIO) -> Iterable[bytes]:
    """Act as a server's file wrapper that is a function."""
    return iter(file.readline, b"")


def test_copy_of_a_file_wrapper_is_the_same(memory: list[Event]) -> None:
    """A server recognizes files that come from the wrapper of a copied environ."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        copied = copy.deepcopy({"wrapper": environ["wsgi.file_wrapper"]})
        assert list(pickled(environ["wsgi.file_wrapper"])(io.BytesIO(b"x"))) == [b"x"]
        answers.append(copied["wrapper"](io.BytesIO(b"x")))
        return answers[0]

    answers: list[Iterable[bytes]] = []
    environ = environ_of(**{"wsgi.file_wrapper": send_file})

    assert sqreen.SqreenWSGIMiddleware(app)(environ, start) is answers[0]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_copy_of_an_input_is_a_copy_of_the_servers(
    memory: list[Event], copied: Callable[[Any], Any]
) -> None:
    """The app reads both; the event contains the body once."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        sqreen.track("x", collect_body=True)
        assert copied(environ["wsgi.input"]).read() == b"a=1"
        assert environ["wsgi.input"].read() == b"a=1"
        return []

    form = {"CONTENT_LENGTH": "3", "CONTENT_TYPE": "application/x-www-form-urlencoded"}
    environ = environ_of(**form, **{"wsgi.input": io.BytesIO(b"a=1")})
    sqreen.SqreenWSGIMiddleware(app)(environ, start)

    assert sqreen.flush()
    assert [event.request and event.request.params.form for event in memory] == [{"a": ["1"]}]


@pytest.mark.parametrize("ignored", ["", "/healthz"])
def test_middlewares_can_be_copied(memory: list[Event], ignored: str) -> None:
    """A scope may contain the app, with our middleware in it. The copy uses the same agent."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        sqreen.track("x")

    middleware = copy.deepcopy(sqreen.SqreenMiddleware(app, ignore_paths=ignored))
    for path in ("/healthz", "/visit"):
        asyncio.run(middleware({"type": "http", "path": path}, None, None))

    expected = ["/visit"] if ignored else ["/healthz", "/visit"]
    assert sqreen.flush()
    assert [event.request and event.request.path for event in memory] == expected
