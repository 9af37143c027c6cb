from collections.abc import Iterator

import pytest

import sqreen_mw as sqreen
from sqreen_mw.protocol.event import Event
from tests.support.optional import need_module

site = need_module("tests.middleware.django_site.client", package="django")

JANE = {"username": "jane"}
MODES = pytest.mark.parametrize(
    ("mode", "path"),
    [
        ("wsgi", "/visit/"),
        ("asgi", "/visit/"),
        ("asgi", "/visit-async/"),
        ("wsgi", "/visit-async/"),
    ],
)


@pytest.fixture(scope="module", autouse=True)
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the site a database."""
    with site.database(tmp_path_factory.mktemp("django") / "site.db"):
        yield


@pytest.fixture(autouse=True)
def jane(database: None) -> Iterator[None]:
    """Create a user, and let the site identify its users."""
    site.create_user(username="jane", password="correct horse")
    with site.override_settings(SQREEN={"identify_users": True}):
        site.SqreenMiddleware(print)  # stops tracking logins, which another test has started
        yield
    site.delete_users()


def users(memory: list[Event]) -> list[tuple[str, object, str | None]]:
    """Flush, and return the name, the user and the provenance of each event."""
    assert sqreen.flush()
    return [(event.name, event.user_identifiers, event.identity) for event in memory]


@MODES
def test_user_of_the_session_is_identified(memory: list[Event], mode: str, path: str) -> None:
    """It has the identifier of logins, and counts as established."""
    response, _ = site.visit_as(mode, f"{path}tracks/", "jane")

    assert response.status_code == 200
    assert users(memory) == [("first", JANE, "established"), ("second", JANE, "established")]


@MODES
def test_visitor_without_a_session_costs_no_query(
    memory: list[Event], mode: str, path: str
) -> None:
    """The events have no user."""
    _, queries = site.visit_as(mode, f"{path}tracks/", None)

    assert queries == 0
    assert users(memory) == [("first", {}, None), ("second", {}, None)]


@MODES
def test_request_that_tracks_nothing_costs_no_query(
    memory: list[Event], mode: str, path: str
) -> None:
    """The user is loaded only for an event that needs it."""
    assert site.visit_as(mode, f"{path}silent/", "jane")[1] == 0
    assert users(memory) == []


def test_event_with_its_own_user_costs_no_query(memory: list[Event]) -> None:
    """``user_identifiers`` has priority."""
    assert site.visit_as("wsgi", "/visit/names/", "jane")[1] == 0
    assert [user for _, user, _ in users(memory)] == [{"username": "kim"}]


@MODES
def test_ignored_path_costs_no_query(memory: list[Event], mode: str, path: str) -> None:
    """Its events are ignored, too."""
    with site.override_settings(SQREEN={"identify_users": True, "ignore_paths": ["/visit*"]}):
        assert site.visit_as(mode, f"{path}tracks/", "jane")[1] == 0

    assert users(memory) == []


@pytest.mark.parametrize("mode", ["wsgi", "asgi"])
def test_users_are_not_identified_by_default(memory: list[Event], mode: str) -> None:
    """The app may identify them itself."""
    with site.override_settings(SQREEN={}):
        assert site.visit_as(mode, "/visit/tracks/", "jane")[1] == 0

    assert users(memory) == [("first", {}, None), ("second", {}, None)]


def test_user_with_authorization_is_identified(memory: list[Event]) -> None:
    """An app may set ``request.user`` by a header; an event before that has the user, too."""
    stack = [site.OURS, "tests.middleware.django_site.middleware.by_header"]
    with site.override_settings(MIDDLEWARE=stack):
        site.visit_as("wsgi", "/visit/tracks/", None, HTTP_AUTHORIZATION="Bearer jane")

    assert users(memory) == [(name, JANE, "established") for name in ("early", "first", "second")]


@pytest.mark.parametrize("mode", ["wsgi", "asgi"])
def test_error_while_loading_the_user_stays_away_from_the_app(
    memory: list[Event], mode: str
) -> None:
    """The event has no user."""
    with site.override_settings(SESSION_ENGINE="tests.middleware.django_site.broken_sessions"):
        fields = {"HTTP_COOKIE": "sessionid=1"} if mode == "wsgi" else {"cookie": "sessionid=1"}
        response, _ = site.visit_as(mode, "/visit-async/tracks/", None, **fields)

    assert response.status_code == 200
    assert [user for _, user, _ in users(memory)] == [{}, {}]


@pytest.mark.parametrize("mode", ["wsgi", "asgi"])
def test_deleted_user_is_anonymous(memory: list[Event], mode: str) -> None:
    """The session outlives its user."""
    response, _ = site.visit_as(mode, "/visit/tracks/", "jane", deletes=True)

    assert response.status_code == 200
    assert [user for _, user, _ in users(memory)] == [{}, {}]


@pytest.mark.parametrize("kind", ["tracks-flushes", "tracks-leaves"])
def test_event_of_async_code_before_its_user_is_loaded_has_none(
    memory: list[Event], kind: str
) -> None:
    """The event is sealed while the view runs, or the view logs the user out."""
    site.visit_as("asgi", f"/visit-async/{kind}/", "jane")

    assert users(memory) == [("first", {}, None), ("second", {}, None)]


@pytest.mark.parametrize(("kind", "user"), [("silent", {}), ("tracks", JANE)])
def test_event_of_a_stream_has_the_user_of_the_view(
    memory: list[Event], kind: str, user: object
) -> None:
    """After the view, no user is looked up."""
    response, _ = site.visit_as("wsgi", f"/visit-stream/{kind}/", "jane")

    assert b"".join(response)
    assert [found for name, found, _ in users(memory) if name == "streamed"] == [user]
