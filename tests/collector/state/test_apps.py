import pytest

from sqreen_mw.collector.state import State
from sqreen_mw.collector.state.apps import MAX_ENVIRONMENTS
from sqreen_mw.errors import RefusedError


def test_app_is_created_once(state: State) -> None:
    """An existing app is returned unchanged."""
    first = state.apps.ensure("shop")

    assert state.apps.ensure("shop") == first
    assert first.created_at == 1_700_000_000_000
    assert state.apps.count() == 1


def test_apps_are_sorted_by_name(state: State) -> None:
    """All apps are listed, sorted by name."""
    for name in ("shop", "bank"):
        state.apps.ensure(name)

    assert [app.name for app in state.apps.all()] == ["bank", "shop"]


@pytest.mark.parametrize("name", ["", "x" * 257])
def test_app_name_length_is_limited(state: State, name: str) -> None:
    """An app name is as long as the protocol allows."""
    with pytest.raises(RefusedError, match="1 to 256"):
        state.apps.ensure(name)


@pytest.mark.parametrize("name", [".", "..", "a/b", "/"])
def test_app_name_must_fit_into_a_path(state: State, name: str) -> None:
    """An app name is one segment of a URL path."""
    with pytest.raises(RefusedError, match="contain a slash"):
        state.apps.ensure(name)


def test_environments_are_listed_once(state: State) -> None:
    """Each environment of an app is listed once."""
    for env in ("test", "prod", "test"):
        state.apps.add_environment("shop", env)

    assert state.apps.environments("shop") == ("prod", "test")
    assert state.apps.environments("bank") == ()


def test_number_of_environments_is_limited(state: State) -> None:
    """An app with ever new environments does not fill the database."""
    for number in range(MAX_ENVIRONMENTS + 5):
        state.apps.add_environment("shop", f"env{number}")

    assert len(state.apps.environments("shop")) == MAX_ENVIRONMENTS
