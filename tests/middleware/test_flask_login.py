from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask import request as flask_request
from flask.testing import FlaskClient
from starlette.testclient import TestClient

import sqreen_mw as sqreen
from sqreen_mw.protocol.event import Event
from tests.support.optional import need_module

flask_login = need_module("flask_login", package="flask_login")

LOGIN = "sq.sdk.users.login"
JANE = {"id": "7"}


class User:
    """A user of Flask-Login with an id."""

    is_authenticated = is_active = True
    is_anonymous = False

    def __init__(self, user_id: str) -> None:
        self.id = user_id

    def get_id(self) -> str:
        """Return the id."""
        return self.id


class Site:
    """An app with Flask-Login. ``loads`` has the ids of the loaded users."""

    def __init__(self, *, flask_login_first: bool = True, **settings: Any) -> None:
        self.app = app = Flask(__name__)
        app.secret_key = "of a test"
        self.loads: list[str] = []
        self.manager = flask_login.LoginManager()
        self.manager.user_loader(self.load)
        self.manager.request_loader(self.load_by_header)
        if flask_login_first:
            self.manager.init_app(app)
        sqreen.Sqreen(app, **{"flask_login": True, **settings})
        if not flask_login_first:
            self.manager.init_app(app)
        app.add_url_rule("/login", view_func=self.log_in, methods=["POST"])
        app.add_url_rule("/<kind>", view_func=self.visit)

    def load(self, user_id: str) -> User | None:
        """Load a user; one of them is deleted, and one is broken."""
        self.loads.append(user_id)
        if user_id == "broken":
            raise ConnectionError("the database is down")
        return None if user_id == "deleted" else User(user_id)

    def load_by_header(self, request: Any) -> User | None:
        """Load the user of an API key."""
        key = request.headers.get("Authorization", "").removeprefix("Key ")
        return self.load(key) if key else None

    def log_in(self) -> str:
        """Log in."""
        flask_login.login_user(User(flask_request.form["id"]), remember=True)
        return "ok"

    def visit(self, kind: str) -> str:
        """Track two events, or nothing, or in a thread."""
        request: Any = flask_request
        if kind == "tracks":
            sqreen.track("first")
            sqreen.track("second")
        elif kind == "thread":
            thread = Thread(target=request.sqreen.track, args=("first",))
            thread.start()
            thread.join()
            sqreen.track("second")
        elif kind == "names":
            sqreen.track("named", user_identifiers={"id": "8"})
        return "ok"

    def client(self, user_id: str | None = None) -> FlaskClient:
        """Return a client, logged in as a user."""
        client = self.app.test_client()
        if user_id is not None:
            client.post("/login", data={"id": user_id})
        self.loads.clear()
        return client


def users(memory: list[Event]) -> list[tuple[str, object, str | None]]:
    """Flush, and return the name, the user and the provenance of each event."""
    assert sqreen.flush()
    return [(event.name, event.user_identifiers, event.identity) for event in memory]


@pytest.mark.parametrize("flask_login_first", [True, False])
def test_login_is_tracked_and_its_user_identified_later(
    memory: list[Event], *, flask_login_first: bool
) -> None:
    """Flask-Login loads the user once, for the first event."""
    site = Site(flask_login_first=flask_login_first)
    client = site.client("7")

    assert client.get("/tracks").text == "ok"
    assert site.loads == ["7"]
    assert users(memory) == [
        (LOGIN, JANE, "established"),
        ("first", JANE, "established"),
        ("second", JANE, "established"),
    ]
    assert memory[0].properties == {"success": True}


def test_remembered_user_is_identified(memory: list[Event]) -> None:
    """The cookie of "remember me" is enough."""
    client = Site().client("7")
    client.delete_cookie("session")

    client.get("/tracks")

    assert users(memory)[1:] == [("first", JANE, "established"), ("second", JANE, "established")]


def test_user_with_authorization_is_identified(memory: list[Event]) -> None:
    """A ``request_loader`` reads the header."""
    Site().client().get("/tracks", headers={"Authorization": "Key 7"})

    assert users(memory) == [("first", JANE, "established"), ("second", JANE, "established")]


@pytest.mark.parametrize(
    ("path", "user_id", "headers"),
    [
        ("/silent", "7", {}),
        ("/names", "7", {}),
        ("/tracks", None, {}),
        ("/tracks", None, {"Cookie": "theme=dark"}),
    ],
)
def test_user_is_not_loaded_without_need(
    memory: list[Event], path: str, user_id: str | None, headers: dict[str, str]
) -> None:
    """No event needs it, or the visitor has no session."""
    site = Site()

    site.client(user_id).get(path, headers=headers)

    assert site.loads == []
    assert JANE not in [user for name, user, _ in users(memory) if name != LOGIN]


@pytest.mark.parametrize("settings", [{"flask_login": False}, {"ignore_paths": "/*"}])
def test_user_is_not_loaded_unless_wanted(memory: list[Event], settings: dict[str, Any]) -> None:
    """It is an option, and does not apply to ignored paths."""
    site = Site(**settings)

    site.client("7").get("/tracks")

    assert site.loads == []
    assert LOGIN not in [name for name, _, _ in users(memory)]


@pytest.mark.parametrize("user_id", ["deleted", "broken"])
def test_unknown_user_is_anonymous(memory: list[Event], user_id: str) -> None:
    """A deleted user has a session, and the user's database may fail. The app goes on."""
    client = Site().client(user_id)

    assert client.get("/tracks").text == "ok"
    assert users(memory)[1:] == [("first", {}, None), ("second", {}, None)]


def test_thread_leaves_the_user_to_the_request(memory: list[Event]) -> None:
    """Flask-Login knows no user in another thread; the next event finds it for both."""
    Site().client("7").get("/thread")

    assert users(memory)[1:] == [("first", JANE, "established"), ("second", JANE, "established")]


def test_user_without_an_id_does_not_stop_the_login(memory: list[Event]) -> None:
    """The login is tracked without a user."""

    class Nameless(User):
        def get_id(self) -> str:
            raise ConnectionError("the database is down")

    site = Site()
    with site.app.test_request_context():
        flask_login.user_logged_in.send(site.app, user=Nameless("7"))

    assert users(memory) == [(LOGIN, {}, None)]


def test_user_is_identified_behind_an_adapter(memory: list[Event]) -> None:
    """The context belongs to the ASGI middleware, and Flask-Login finds the user for it."""
    a2wsgi = need_module("a2wsgi", package="a2wsgi")
    client = TestClient(sqreen.SqreenMiddleware(a2wsgi.WSGIMiddleware(Site().app)))

    client.post("/login", data={"id": "7"})
    client.get("/tracks")

    assert [user for _, user, _ in users(memory)] == [JANE] * 3
