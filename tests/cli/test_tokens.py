from pathlib import Path

import pytest

from sqreen_mw.collector.state import open_state
from tests.cli.conftest import Command


@pytest.mark.parametrize(
    ("options", "scopes"),
    [
        ((), {"ingest", "decisions:read"}),
        (("--scope", "query"), {"query"}),
        (("--scope", "query", "--scope", "ingest"), {"query", "ingest"}),
    ],
)
def test_prints_the_secret_alone(
    command: Command, tmp_path: Path, *, options: tuple[str, ...], scopes: set[str]
) -> None:
    """The output is the secret of a token of the app, and nothing else."""
    ended = command("tokens", "create", "shop", *options)

    assert ended.code == 0
    state = open_state(f"sqlite:///{tmp_path / 'sqreen-mw' / 'state.db'}")
    token = state.tokens.verify(ended.out.strip())
    state.close()
    assert token is not None
    assert token.app == "shop"
    assert token.scopes == scopes
