import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import sqreen_mw as sqreen
from sqreen_mw.protocol.event import Event
from tests.support.optional import need_module

site = need_module("tests.middleware.django_site.client", package="django")

LOGIN = "sq.sdk.users.login"
RIGHT = {"username": "jane", "password": "correct horse"}
WRONG = {"username": "jane", "password": "battery staple"}


@pytest.fixture(autouse=True)
def jane(tmp_path: Path) -> Iterator[None]:
    """Give the site a database with a user."""
    with site.database(tmp_path / "site.db"):
        site.create_user(**RIGHT)
        yield


@pytest.mark.parametrize("mode", ["wsgi", "asgi"])
def test_logins_of_django_are_tracked(memory: list[Event], mode: str) -> None:
    """Successful and failed logins have the same identifier, and never the password."""
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


def test_logins_are_not_tracked_by_default(memory: list[Event]) -> None:
    """The app may track its logins itself."""
    with site.override_settings(SQREEN={}):
        site.ask("wsgi", "/login/", WRONG)
        site.ask("wsgi", "/login/", RIGHT)

    assert sqreen.flush()
    assert [event.name for event in memory] == ["welcomed"]


def test_login_without_a_username_is_tracked(memory: list[Event]) -> None:
    """Other credentials give an event without a user, even outside of a request."""
    site.ask("wsgi", "/")
    assert site.authenticate(pin="1234") is None

    assert sqreen.flush()
    assert (memory[-1].name, memory[-1].user_identifiers) == (LOGIN, {})


def test_error_in_the_user_model_does_not_stop_a_login(memory: list[Event]) -> None:
    """The event has no user."""

    class Nameless:
        def get_username(self) -> str:
            raise sqlite3.OperationalError("no such column")

        def save(self, **_: object) -> None:
            """Do nothing; Django calls it after a login."""

    site.ask("wsgi", "/")
    site.user_logged_in.send(Nameless, request=None, user=Nameless())

    assert sqreen.flush()
    assert (memory[-1].properties, memory[-1].user_identifiers) == ({"success": True}, {})
