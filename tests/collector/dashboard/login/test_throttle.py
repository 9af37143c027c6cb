"""The brake on guessing passwords."""

import pytest

from sqreen_mw.collector.dashboard.login.throttle import FailureCounter, LoginThrottle


def test_key_waits_until_its_oldest_failure_expires() -> None:
    """At the limit a key waits until its first failure leaves the window."""
    failures = FailureCounter(limit=2, window=60)
    failures.failed("a", now=0)
    before = failures.wait("a", now=1)
    failures.failed("a", now=10)

    assert (before, failures.wait("a", now=10), failures.wait("a", now=60)) == (0, 50, 0)


def test_keys_are_independent() -> None:
    """A key has its own failures, and a success removes them."""
    failures = FailureCounter(limit=1, window=60)
    failures.failed("a", now=0)

    assert (failures.wait("a", now=0), failures.wait("b", now=0)) == (60, 0)

    failures.succeeded("a")

    assert failures.wait("a", now=0) == 0


def test_number_of_keys_is_limited() -> None:
    """With too many keys the least recent one is dropped."""
    failures = FailureCounter(limit=1, window=60, keys=2)
    for key in "abc":
        failures.failed(key, now=0)

    assert [failures.wait(key, now=0) for key in "abc"] == [0, 60, 60]


@pytest.mark.parametrize("names", [1, 6, 30])
def test_network_with_many_failures_waits(names: int) -> None:
    """Thirty failures from a network delay all of its accounts, and no other network."""
    throttle = LoginThrottle()
    for number in range(30):
        throttle.failed("198.51.100.1", f"name{number % names}", now=number)

    assert throttle.wait("198.51.100.1", "ann", now=30) == 30
    assert throttle.wait("198.51.100.1", "ann", now=60) == 0
    assert throttle.wait("203.0.113.9", "name0", now=30) == 0


def test_failures_below_the_limits_delay_nothing() -> None:
    """Four failures of an account and 29 of a network leave the next attempt free."""
    throttle = LoginThrottle()
    for number in range(29):
        throttle.failed("n", f"name{number % 8}", now=0)

    assert throttle.wait("n", "name0", now=0) == 0
    assert throttle.wait("n", "ann", now=0) == 0


def test_success_keeps_the_failures_of_the_network() -> None:
    """An attacker with a valid account cannot remove failures of the network."""
    throttle = LoginThrottle(per_account=2, per_network=3)
    for number in range(3):
        throttle.failed("n", f"name{number}", now=number)
        throttle.succeeded("n", "eve")

    assert throttle.wait("n", "bob", now=3) == 57


def test_names_of_an_account_share_their_failures() -> None:
    """Upper case does not give a name more attempts, and a long name needs little memory."""
    throttle = LoginThrottle(per_account=1)
    throttle.failed("n", "Ann", now=0)
    throttle.failed("n", "x" * 8000, now=0)

    assert throttle.wait("n", "ANN", now=0) == 60
    assert throttle.wait("n", "x" * 7000, now=0) == 60
