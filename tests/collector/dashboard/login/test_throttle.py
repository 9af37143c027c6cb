"""The brake on guessing passwords."""

from sqreen_mw.collector.dashboard.login.throttle import Throttle


def test_key_waits_until_its_oldest_failure_expires() -> None:
    """At the limit a key waits until its first failure leaves the window."""
    throttle = Throttle(limit=2, window=60)
    throttle.failed("a", now=0)
    before = throttle.wait("a", now=1)
    throttle.failed("a", now=10)

    assert (before, throttle.wait("a", now=10), throttle.wait("a", now=60)) == (0, 50, 0)


def test_keys_are_independent() -> None:
    """A key has its own failures, and a success removes them."""
    throttle = Throttle(limit=1, window=60)
    throttle.failed("a", now=0)

    assert (throttle.wait("a", now=0), throttle.wait("b", now=0)) == (60, 0)

    throttle.succeeded("a")

    assert throttle.wait("a", now=0) == 0


def test_forgive_removes_one_failure() -> None:
    """A forgiven attempt leaves the other failures of a shared key."""
    throttle = Throttle(limit=2, window=60)
    throttle.failed("a", now=0)
    throttle.failed("a", now=1)

    throttle.forgive("a", at=1)

    assert throttle.wait("a", now=1) == 0
    throttle.failed("a", now=2)
    assert throttle.wait("a", now=2) == 58
    throttle.forgive("b", at=1)


def test_number_of_keys_is_limited() -> None:
    """With too many keys the least recent one is dropped."""
    throttle = Throttle(limit=1, window=60, keys=2)
    for key in "abc":
        throttle.failed(key, now=0)

    assert [throttle.wait(key, now=0) for key in "abc"] == [0, 60, 60]
