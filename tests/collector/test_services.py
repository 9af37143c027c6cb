from pathlib import Path

import pytest

from sqreen_mw.collector.services import open_services
from sqreen_mw.collector.settings import Settings
from sqreen_mw.errors import ConfigurationError


def test_first_token_is_created_once(tmp_path: Path) -> None:
    """The first token accepts any app and is not shown again."""
    first = open_services(Settings(data_dir=tmp_path))
    assert first.first_token is not None
    token = first.state.tokens.verify(first.first_token)
    first.close()
    second = open_services(Settings(data_dir=tmp_path))
    second.close()

    assert token is not None
    assert (token.app, sorted(token.scopes)) == (None, ["decisions:read", "ingest"])
    assert second.first_token is None


def test_state_is_closed_if_the_event_store_fails(tmp_path: Path) -> None:
    """If the events cannot be opened, the state is closed."""
    settings = Settings(data_dir=tmp_path, events_url="redis://x")

    with pytest.raises(ConfigurationError):
        open_services(settings)

    assert not (tmp_path / "state.db-wal").exists()
