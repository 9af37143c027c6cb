"""The brake on guessing passwords."""

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


def test_forgive_removes_one_failure() -> None:
    """A forgiven attempt leaves the other failures of a shared key."""
    failures = FailureCounter(limit=2, window=60)
    failures.failed("a", now=0)
    failures.failed("a", now=1)

    failures.forgive("a", at=1)

    assert failures.wait("a", now=1) == 0
    failures.failed("a", now=2)
    assert failures.wait("a", now=2) == 58
    failures.forgive("b", at=1)


def test_number_of_keys_is_limited() -> None:
    """With too many keys the least recent one is dropped."""
    failures = FailureCounter(limit=1, window=60, keys=2)
    for key in "abc":
        failures.failed(key, now=0)

    assert [failures.wait(key, now=0) for key in "abc"] == [0, 60, 60]


def test_failures_never_delay_another_account_or_network() -> None:
    """Any number of failures leaves one attempt to each other account, and others unchanged."""
    throttle = LoginThrottle()
    for number in range(200):
        throttle.failed("198.51.100.1", f"name{number}", now=0)

    assert throttle.wait("198.51.100.1", "ann", now=1) == 0
    assert throttle.wait("198.51.100.1", "name7", now=1) == 59
    assert throttle.wait("203.0.113.9", "name7", now=1) == 0


def test_noisy_network_has_one_attempt_for_each_account() -> None:
    """With many failures from a network, each account there may fail once a minute."""
    throttle = LoginThrottle(per_account=3, per_network=4)
    waits: list[int] = []
    for number in range(4):
        throttle.failed("n", f"name{number}", now=0)
        waits.append(throttle.wait("n", f"name{number}", now=0))

    throttle.failed("n", "ann", now=10)

    assert waits == [0, 0, 0, 60]
    assert throttle.wait("n", "ann", now=10) == 60
    assert throttle.wait("n", "ann", now=60) == 0


def test_success_keeps_the_failures_of_the_network() -> None:
    """An attacker with a valid account cannot reset the limit of the network."""
    throttle = LoginThrottle(per_account=2, per_network=2)
    throttle.failed("n", "bob", now=0)
    throttle.failed("n", "eve", now=1)
    throttle.succeeded("n", "eve", at=1)
    throttle.failed("n", "zoe", now=2)

    assert throttle.wait("n", "eve", now=2) == 0
    assert throttle.wait("n", "bob", now=2) == 58


def test_names_of_an_account_share_their_failures() -> None:
    """Upper case does not give a name more attempts, and a long name needs little memory."""
    throttle = LoginThrottle(per_account=1)
    throttle.failed("n", "Ann", now=0)
    throttle.failed("n", "x" * 8000, now=0)

    assert throttle.wait("n", "ANN", now=0) == 60
    assert throttle.wait("n", "x" * 7000, now=0) == 60


def test_attempt_without_a_check_is_forgiven() -> None:
    """An attempt that was not checked does not count."""
    throttle = LoginThrottle(per_account=1, per_network=1)
    throttle.failed("n", "ann", now=0)

    throttle.forgive("n", "ann", at=0)

    assert throttle.wait("n", "ann", now=0) == 0
