import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import sqreen_mw as sqreen
from sqreen_mw.protocol.event import Event
from tests.support.optional import need_module

site = need_module("tests.middleware.django_site.asking", package="django")

LOGIN = "sq.sdk.users.login"
RIGHT = {"username": "jane", "password": "correct horse"}
WRONG = {"username": "jane", "password": "battery staple"}


@pytest.fixture(autouse=True)
def jane(tmp_path: Path) -> Iterator[None]:
    """Give the site a database that knows Jane."""
    with site.database(tmp_path / "site.db"):
        site.create_user(**RIGHT)
        yield


@pytest.mark.parametrize("mode", ["wsgi", "asgi"])
def test_djangos_logins_are_events(memory: list[Event], mode: str) -> None:
    """A good login and a bad one are told under the same name, and the password never is."""
    assert site.ask(mode, "/login/", WRONG)[0] == 403
    assert site.ask(mode, "/login/", RIGHT)[0] == 200

    assert sqreen.flush()
    bad, good, welcomed = memory
    assert (bad.name, bad.properties) == (LOGIN, {"success": False})
    assert (good.name, good.properties) == (LOGIN, {"success": True})
    assert bad.user_identifiers == good.user_identifiers == {"username": "jane"}
    assert welcomed.user_identifiers == {"username": "jane"}
    assert good.request is not None
    assert (good.request.path, good.request.status) == ("/login/", 200)
    assert "horse" not in str(memory)
    assert "staple" not in str(memory)


def test_logins_are_the_apps_own_unless_asked_for(memory: list[Event]) -> None:
    """Without the setting an app tells of its logins itself, so none is told twice."""
    with site.override_settings(SQREEN={}):
        site.ask("wsgi", "/login/", WRONG)
        site.ask("wsgi", "/login/", RIGHT)

    assert sqreen.flush()
    assert [event.name for event in memory] == ["welcomed"]


def test_a_login_without_a_name_is_told_too(memory: list[Event]) -> None:
    """Credentials of another kind make an event of nobody, outside a request too."""
    site.ask("wsgi", "/")
    assert site.authenticate(pin="1234") is None

    assert sqreen.flush()
    assert (memory[-1].name, memory[-1].user_identifiers) == (LOGIN, {})


def test_a_user_that_fails_to_tell_its_name_changes_nothing(memory: list[Event]) -> None:
    """Where the app's own user raises, the login goes on and is told of nobody."""

    class Nameless:
        def get_username(self) -> str:
            raise sqlite3.OperationalError("no such column")

        def save(self, **_: object) -> None:
            """Keep nothing, as Django asks when somebody has logged in."""

    site.ask("wsgi", "/")
    site.user_logged_in.send(Nameless, request=None, user=Nameless())

    assert sqreen.flush()
    assert (memory[-1].properties, memory[-1].user_identifiers) == ({"success": True}, {})
