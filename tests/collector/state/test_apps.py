import pytest

from sqreen_mw.collector.state import State
from sqreen_mw.collector.state.apps import MAX_ENVIRONMENTS
from sqreen_mw.errors import RefusedError


def test_an_app_is_made_once(state: State) -> None:
    """An app that is there already is returned as it is."""
    first = state.apps.ensure("shop")

    assert state.apps.ensure("shop") == first
    assert first.created_at == 1_700_000_000_000
    assert state.apps.count() == 1


def test_apps_come_by_name(state: State) -> None:
    """All apps are listed in the order of their names."""
    for name in ("shop", "bank"):
        state.apps.ensure(name)

    assert [app.name for app in state.apps.all()] == ["bank", "shop"]


@pytest.mark.parametrize("name", ["", "x" * 257])
def test_refuses_names_that_no_batch_could_give(state: State, name: str) -> None:
    """An app's name is as long as the protocol allows."""
    with pytest.raises(RefusedError, match="1 to 256"):
        state.apps.ensure(name)


@pytest.mark.parametrize("name", [".", "..", "a/b", "/"])
def test_refuses_names_that_no_address_could_have(state: State, name: str) -> None:
    """An app's name is one part of a path, which browsers leave as it is."""
    with pytest.raises(RefusedError, match="contain a slash"):
        state.apps.ensure(name)


def test_remembers_environments(state: State) -> None:
    """The environments of an app are those that it was seen in, each once."""
    for env in ("test", "prod", "test"):
        state.apps.add_environment("shop", env)

    assert state.apps.environments("shop") == ("prod", "test")
    assert state.apps.environments("bank") == ()


def test_environments_are_bounded(state: State) -> None:
    """An app that makes up environments does not fill the database."""
    for number in range(MAX_ENVIRONMENTS + 5):
        state.apps.add_environment("shop", f"env{number}")

    assert len(state.apps.environments("shop")) == MAX_ENVIRONMENTS
