import sqlite3
from pathlib import Path

import pytest

from sqreen_mw.collector.state import State
from sqreen_mw.collector.state.tokens import AGENT_SCOPES, IssuedToken
from sqreen_mw.errors import RefusedError
from sqreen_mw.protocol.token import is_organization_token
from tests.collector.state.conftest import Clock


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


def test_organization_token_belongs_to_no_app(state: State) -> None:
    """It is listed with the tokens of each app, because it accepts that app's events."""
    state.apps.ensure("shop")
    made = state.tokens.issue_for_organization(name="first")

    token = state.tokens.verify(made.secret)

    assert token is not None
    assert (token.app, token.scopes) == (None, AGENT_SCOPES)
    assert is_organization_token(made.secret)
    assert [each.id for each in state.tokens.all("shop")] == [token.id]


def test_expired_token_is_not_valid(state: State, clock: Clock) -> None:
    """A token with a lifetime is valid until its end and not listed afterwards."""
    state.apps.ensure("shop")
    made = state.tokens.issue("shop", name="short", scopes=AGENT_SCOPES, lifetime=3600)
    assert made.token.expires_at == clock.now + 3_600_000

    clock.now += 3_599_999
    before = state.tokens.verify(made.secret)
    clock.now += 1

    assert before is not None
    assert state.tokens.verify(made.secret) is None
    assert state.tokens.all() == ()


def test_last_use_is_recorded_once_a_minute(
    state: State, clock: Clock, issued: IssuedToken
) -> None:
    """The recorded use is at most a minute older than the last one."""
    uses: list[int | None] = [state.tokens.all()[0].used_at]
    start = clock.now
    for later in (0, 59_999, 60_000):
        clock.now = start + later
        assert state.tokens.verify(issued.secret) is not None
        uses.append(state.tokens.all()[0].used_at)

    assert uses == [None, start, start, start + 60_000]


def test_wrong_secret_is_no_use(state: State, issued: IssuedToken) -> None:
    """Guessing does not change the last use of a token."""
    assert state.tokens.verify(issued.secret + "x") is None

    assert state.tokens.all()[0].used_at is None


def test_use_is_not_recorded_while_the_store_is_locked(
    state: State, issued: IssuedToken, tmp_path: Path
) -> None:
    """A token stays valid while another process keeps the database from being written."""
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    with state.database.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=1")
    other.execute("BEGIN IMMEDIATE")

    token = state.tokens.verify(issued.secret)

    other.rollback()
    other.close()
    assert token == issued.token
