import pytest

from sqreen_mw.collector import sender_clocks
from sqreen_mw.collector.sender_clocks import FORGET_AFTER, SenderClock, SenderClocks
from sqreen_mw.protocol.batch import Envelope

NOW = 1_700_000_000_000
HOUR = 3_600_000


def sent(at: int | None, *, sender: str = "one") -> Envelope:
    """Return a batch that was sent at a time of the sender's clock."""
    return Envelope(sent_at=at, events=[], instance_id=sender)


def skews(clocks: SenderClocks) -> list[int]:
    """Return all measured differences."""
    return [each.skew for each in clocks.since(0)]


@pytest.mark.parametrize("skew", [-30 * 24 * HOUR, -HOUR, -60_000, 0, 60_000, HOUR, 400 * HOUR])
def test_clock_is_compared_with_the_time_of_arrival(skew: int) -> None:
    """The difference is exact in both directions."""
    clocks = SenderClocks()

    clocks.compare("shop", sent(NOW - skew), received_at=NOW)

    assert clocks.since(NOW) == (SenderClock("shop", "one", skew, NOW),)
    assert clocks.since(NOW + 1) == ()


def test_repeated_batch_does_not_make_a_clock_wrong() -> None:
    """A batch that arrives an hour late counts only if no better one is known."""
    clocks = SenderClocks()
    clocks.compare("shop", sent(NOW - HOUR), received_at=NOW)
    clocks.compare("shop", sent(NOW), received_at=NOW + 5)
    clocks.compare("shop", sent(NOW - HOUR), received_at=NOW + 10)
    assert skews(clocks) == [5]

    later = NOW + 6 + FORGET_AFTER
    clocks.compare("shop", sent(later - HOUR), received_at=later)

    assert skews(clocks) == [HOUR]


def test_batch_without_a_time_is_not_compared() -> None:
    """The SDK names no time, because its heartbeats do."""
    clocks = SenderClocks()

    clocks.compare("shop", sent(None), received_at=NOW)

    assert clocks.since(0) == ()


def test_senders_are_told_apart_and_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender that was silent for the longest time is forgotten first."""
    monkeypatch.setattr(sender_clocks, "MAX_SENDERS", 2)
    clocks = SenderClocks()
    for app, sender in (("shop", "one"), ("bank", "one"), ("shop", "one"), ("shop", "two")):
        clocks.compare(app, sent(NOW, sender=sender), received_at=NOW)

    assert [(each.app, each.sender) for each in clocks.since(0)] == [
        ("shop", "one"),
        ("shop", "two"),
    ]
    clocks.compare("shop", Envelope(sent_at=NOW, sdk="curl", events=[]), received_at=NOW)
    assert [each.sender for each in clocks.since(0)] == ["two", "curl"]
