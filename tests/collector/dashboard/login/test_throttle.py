"""The brake on guessing passwords."""

from sqreen_mw.collector.dashboard.login.throttle import Throttle


def test_failures_beyond_the_limit_have_to_wait_for_the_oldest() -> None:
    """After the last allowed failure the key waits until the first is out of the window."""
    throttle = Throttle(limit=2, window=60)
    throttle.failed("a", now=0)
    before = throttle.wait("a", now=1)
    throttle.failed("a", now=10)

    assert (before, throttle.wait("a", now=10), throttle.wait("a", now=60)) == (0, 50, 0)


def test_keys_do_not_wait_for_each_other() -> None:
    """One key's failures are not another's, and a success forgets them."""
    throttle = Throttle(limit=1, window=60)
    throttle.failed("a", now=0)

    assert (throttle.wait("a", now=0), throttle.wait("b", now=0)) == (60, 0)

    throttle.succeeded("a")

    assert throttle.wait("a", now=0) == 0


def test_a_success_takes_back_what_it_was_counted_for() -> None:
    """Of a key that many share, one that is forgiven leaves the failures of the others."""
    throttle = Throttle(limit=2, window=60)
    throttle.failed("a", now=0)
    throttle.failed("a", now=1)

    throttle.forgive("a", at=1)

    assert throttle.wait("a", now=1) == 0
    throttle.failed("a", now=2)
    assert throttle.wait("a", now=2) == 58
    throttle.forgive("b", at=1)


def test_memory_is_bounded() -> None:
    """With too many keys the one that has been quiet for longest is forgotten."""
    throttle = Throttle(limit=1, window=60, keys=2)
    for key in "abc":
        throttle.failed(key, now=0)

    assert [throttle.wait(key, now=0) for key in "abc"] == [0, 60, 60]
