from pathlib import Path

import pytest

from sqreen_mw.collector.state import State
from sqreen_mw.collector.state.tokens import AGENT_SCOPES, IssuedToken
from sqreen_mw.errors import RefusedError


@pytest.fixture
def issued(state: State) -> IssuedToken:
    """Return a token of the shop."""
    state.apps.ensure("shop")
    return state.tokens.issue("shop", name="till", scopes=AGENT_SCOPES)


def test_secret_finds_its_token(state: State, issued: IssuedToken) -> None:
    """A token's secret is verified."""
    assert state.tokens.verify(issued.secret) == issued.token
    assert issued.token.scopes == {"ingest", "decisions:read"}
    assert issued.secret.startswith(f"sqm_{issued.token.id}_")


def test_wrong_secret_finds_no_token(state: State, issued: IssuedToken) -> None:
    """A secret with any changed character is not valid."""
    prefix, public_id, secret = issued.secret.split("_")
    wrong = [
        f"{prefix}_{public_id}_{secret[:-1]}x",
        f"{prefix}_{public_id[:-1]}x_{secret}",
        f"{prefix}_{public_id}_",
        f"xyz_{public_id}_{secret}",
        issued.secret + "x",
        issued.secret.upper(),
        "sqm_" + "x" * 1000,
        "sqm_é_é",
        "",
    ]

    assert [state.tokens.verify(text) for text in wrong] == [None] * len(wrong)


def test_revoked_token_is_not_valid(state: State, issued: IssuedToken) -> None:
    """A token can be revoked once and is not valid afterwards."""
    other = state.tokens.issue("shop", name="other", scopes=AGENT_SCOPES)

    assert state.tokens.revoke(issued.token.id) == issued.token
    assert state.tokens.verify(issued.secret) is None
    assert state.tokens.verify(other.secret) == other.token
    assert state.tokens.all() == (other.token,)
    with pytest.raises(RefusedError, match="no such token"):
        state.tokens.revoke(issued.token.id)


@pytest.mark.parametrize("scopes", [frozenset[str](), frozenset({"ingest", "root"})])
def test_unknown_scopes_are_rejected(state: State, scopes: frozenset[str]) -> None:
    """The error lists the known scopes."""
    state.apps.ensure("shop")

    with pytest.raises(RefusedError, match=r"admin, decisions:read.*got"):
        state.tokens.issue("shop", name="x", scopes=scopes)


def test_token_of_an_unknown_app_is_rejected(state: State) -> None:
    """A token needs an existing app."""
    with pytest.raises(RefusedError, match="no app 'nix'"):
        state.tokens.issue("nix", name="x", scopes=AGENT_SCOPES)


def test_secrets_are_not_stored(state: State, issued: IssuedToken, tmp_path: Path) -> None:
    """The database files contain no part of a secret."""
    user = state.users.create("ann", password="correct horse", role="admin")
    secrets = [issued.secret.split("_")[2], "correct horse"]
    secrets += [state.sessions.open(user), state.sessions.issue_link(user, lifetime=60)]

    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert issued.token.id.encode() in stored
    assert not [secret for secret in secrets if secret.encode() in stored]
