from concurrent.futures import ThreadPoolExecutor

import pytest

from sqreen_mw.collector.state import State
from sqreen_mw.collector.state.sessions import SESSION_LIFETIME
from sqreen_mw.collector.state.users import User
from tests.collector.state.conftest import Clock


@pytest.fixture
def ann(state: State) -> User:
    """Return a user."""
    return state.users.create("ann", password=None, role="viewer")


def test_session_is_valid_until_closed(state: State, ann: User) -> None:
    """The secret finds the session until it is closed."""
    secret = state.sessions.open(ann)

    session = state.sessions.find(secret)

    assert session is not None
    assert session.user == ann
    assert state.sessions.find(secret[:-1]) is None
    state.sessions.close(secret)
    assert state.sessions.find(secret) is None


def test_session_expires_after_two_weeks(state: State, ann: User, clock: Clock) -> None:
    """A session expires, and the next login deletes it."""
    secret = state.sessions.open(ann)

    clock.now += SESSION_LIFETIME - 1
    assert state.sessions.find(secret) is not None
    clock.now += 1
    assert state.sessions.find(secret) is None
    state.sessions.open(ann)
    clock.now -= 1
    assert state.sessions.find(secret) is None


def test_login_link_works_once(state: State, ann: User) -> None:
    """The first use of a link returns its user, the second returns None."""
    secret = state.sessions.issue_link(ann, lifetime=60)

    assert state.sessions.user_of_link(secret) == ann
    assert state.sessions.redeem_link(secret) == ann
    assert state.sessions.user_of_link(secret) is None
    assert state.sessions.redeem_link(secret) is None
    assert state.sessions.redeem_link("unknown") is None


def test_login_link_expires(state: State, ann: User, clock: Clock) -> None:
    """An expired link is not valid, and the next link deletes it."""
    secret = state.sessions.issue_link(ann, lifetime=60)

    clock.now += 60_000
    assert state.sessions.user_of_link(secret) is None
    assert state.sessions.redeem_link(secret) is None
    state.sessions.issue_link(ann, lifetime=60)
    clock.now -= 60_000
    assert state.sessions.redeem_link(secret) is None


def test_concurrent_uses_of_a_link(state: State, ann: User) -> None:
    """If many threads use a link, exactly one succeeds."""
    for _ in range(5):
        secret = state.sessions.issue_link(ann, lifetime=60)
        with ThreadPoolExecutor(8) as pool:
            let_in = list(pool.map(state.sessions.redeem_link, [secret] * 8))

        assert let_in.count(ann) == 1
        assert let_in.count(None) == 7


def test_reusable_link_works_until_it_expires(state: State, clock: Clock) -> None:
    """A link of the demo opens the Explorer as often as needed."""
    user = state.users.create("ann", password=None, role="viewer")
    link = state.sessions.issue_link(user, lifetime=60, reusable=True)

    used = [state.sessions.redeem_link(link) for _ in range(3)]
    clock.now += 60_000

    assert used == [user] * 3
    assert state.sessions.redeem_link(link) is None
