import pytest

from sqreen_mw.collector.state import State
from sqreen_mw.errors import RefusedError


def test_name_and_password_authenticate_a_user(state: State) -> None:
    """A user needs both the name and the password."""
    ann = state.users.create("ann", password="correct horse", role="analyst")

    assert state.users.authenticate("ann", "correct horse") == ann
    assert state.users.authenticate("ann", "Correct horse") is None
    assert state.users.authenticate("ann", "x" * 2000) is None
    assert state.users.authenticate("bob", "correct horse") is None
    assert state.users.by_name("ann") == ann
    assert state.users.by_name("bob") is None


def test_user_without_password_cannot_authenticate(state: State) -> None:
    """No password works for a user without one."""
    state.users.create("admin", password=None, role="admin")

    assert state.users.authenticate("admin", "") is None
    assert state.users.authenticate("admin", "no user has this hash") is None
    assert not state.users.any_password()
    assert state.users.count() == 1


def test_new_password_closes_sessions_and_links(state: State) -> None:
    """A changed password deletes the user's sessions and login links."""
    ann = state.users.create("ann", password="correct horse", role="viewer")
    session, link = state.sessions.open(ann), state.sessions.issue_link(ann, lifetime=60)

    state.users.set_password("ann", "battery staple")

    assert state.users.any_password()
    assert state.users.authenticate("ann", "battery staple") == ann
    assert state.users.authenticate("ann", "correct horse") is None
    assert state.sessions.find(session) is None
    assert state.sessions.redeem_link(link) is None


@pytest.mark.parametrize(
    ("name", "password", "role", "message"),
    [
        ("ann", None, "admin", "a user 'ann' already"),
        ("bob", None, "root", "no role 'root'"),
        ("bob", "short", "admin", "8 to 1024"),
        ("bob", "x" * 1025, "admin", "8 to 1024"),
        ("", None, "admin", "1 to 256"),
        (" bob", None, "admin", "outer spaces"),
    ],
)
def test_invalid_users_are_rejected(
    state: State, *, name: str, password: str | None, role: str, message: str
) -> None:
    """A duplicate or empty name, an unknown role and a weak password are rejected."""
    state.users.create("ann", password=None, role="viewer")

    with pytest.raises(RefusedError, match=message):
        state.users.create(name, password=password, role=role)  # type: ignore[arg-type]  # the point

    assert state.users.count() == 1


def test_set_password_rejects_unknown_user(state: State) -> None:
    """An unknown user cannot get a password."""
    with pytest.raises(RefusedError, match="no user 'bob'"):
        state.users.set_password("bob", "correct horse")
