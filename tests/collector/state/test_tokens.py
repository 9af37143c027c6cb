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


def test_a_secret_gives_its_token(state: State, issued: IssuedToken) -> None:
    """The secret that was shown once is verified as its token."""
    assert state.tokens.verify(issued.secret) == issued.token
    assert issued.token.scopes == {"ingest", "decisions:read"}
    assert issued.secret.startswith(f"sqm_{issued.token.id}_")


def test_anything_else_gives_none(state: State, issued: IssuedToken) -> None:
    """A secret with any other character, in either part or of another form, is no token."""
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


def test_a_revoked_token_is_none(state: State, issued: IssuedToken) -> None:
    """A token is useless once it is revoked, which can be done once."""
    other = state.tokens.issue("shop", name="other", scopes=AGENT_SCOPES)

    assert state.tokens.revoke(issued.token.id) == issued.token
    assert state.tokens.verify(issued.secret) is None
    assert state.tokens.verify(other.secret) == other.token
    assert state.tokens.all() == (other.token,)
    with pytest.raises(RefusedError, match="no such token"):
        state.tokens.revoke(issued.token.id)


@pytest.mark.parametrize("scopes", [frozenset[str](), frozenset({"ingest", "root"})])
def test_refuses_unknown_scopes(state: State, scopes: frozenset[str]) -> None:
    """A token has some of the known scopes; the message lists them."""
    state.apps.ensure("shop")

    with pytest.raises(RefusedError, match=r"admin, decisions:read.*got"):
        state.tokens.issue("shop", name="x", scopes=scopes)


def test_refuses_unknown_apps(state: State) -> None:
    """A token belongs to an app that is there."""
    with pytest.raises(RefusedError, match="no app 'nix'"):
        state.tokens.issue("nix", name="x", scopes=AGENT_SCOPES)


def test_no_secret_is_stored(state: State, issued: IssuedToken, tmp_path: Path) -> None:
    """The files of the database hold no part of a secret."""
    user = state.users.create("ann", password="correct horse", role="admin")
    secrets = [issued.secret.split("_")[2], "correct horse"]
    secrets += [state.sessions.open(user), state.sessions.issue_link(user, lifetime=60)]

    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert issued.token.id.encode() in stored
    assert not [secret for secret in secrets if secret.encode() in stored]
