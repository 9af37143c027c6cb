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


def test_a_session_lasts_until_it_is_closed(state: State, ann: User) -> None:
    """The secret finds the session of its user, until it is closed."""
    secret = state.sessions.open(ann)

    session = state.sessions.find(secret)

    assert session is not None
    assert session.user == ann
    assert state.sessions.find(secret[:-1]) is None
    state.sessions.close(secret)
    assert state.sessions.find(secret) is None


def test_a_session_ends_after_two_weeks(state: State, ann: User, clock: Clock) -> None:
    """A session ends at its time, used or not; the next log-in clears it away."""
    secret = state.sessions.open(ann)

    clock.now += SESSION_LIFETIME - 1
    assert state.sessions.find(secret) is not None
    clock.now += 1
    assert state.sessions.find(secret) is None
    state.sessions.open(ann)
    clock.now -= 1
    assert state.sessions.find(secret) is None


def test_a_link_works_once(state: State, ann: User) -> None:
    """The first use of a link returns its user; there is no second."""
    secret = state.sessions.issue_link(ann, lifetime=60)

    assert state.sessions.redeem_link(secret) == ann
    assert state.sessions.redeem_link(secret) is None
    assert state.sessions.redeem_link("unknown") is None


def test_a_link_ends_at_its_time(state: State, ann: User, clock: Clock) -> None:
    """A link that nobody used in time is over, and cleared away by the next one."""
    secret = state.sessions.issue_link(ann, lifetime=60)

    clock.now += 60_000
    assert state.sessions.redeem_link(secret) is None
    state.sessions.issue_link(ann, lifetime=60)
    clock.now -= 60_000
    assert state.sessions.redeem_link(secret) is None


def test_of_many_at_once_one_gets_in(state: State, ann: User) -> None:
    """A link that many threads use at the same time lets exactly one of them in."""
    for _ in range(5):
        secret = state.sessions.issue_link(ann, lifetime=60)
        with ThreadPoolExecutor(8) as pool:
            let_in = list(pool.map(state.sessions.redeem_link, [secret] * 8))

        assert let_in.count(ann) == 1
        assert let_in.count(None) == 7
