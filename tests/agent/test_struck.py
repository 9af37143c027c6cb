import math
from collections.abc import Callable

from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.pending import SealedEvent
from tests.agent.striking import strikes
from tests.support.flusher_harness import DEFAULT_RETRY, FlusherHarness, InstantTransport
from tests.support.samples import pending
from tests.support.waiting import wait_until


def test_a_put_that_is_struck_counts_or_does_not() -> None:
    """Wherever an exception strikes while an event is queued, counts and bytes agree with it."""
    buffer = EventQueue()

    def put_anew() -> Callable[[], object]:
        nonlocal buffer
        buffer = EventQueue(max_events=3, max_bytes=1000)
        for _ in range(3):
            buffer.put(pending(size=100))
        for event in buffer.take_ready(0.0, wanted=math.inf, most=1):
            buffer.put_sealed(SealedEvent(b"x" * 10, event.tracked_at))
        return lambda: buffer.put(pending(size=900))

    for place in strikes(put_anew):
        stages = (buffer.pending, buffer.sealed)
        held = [stage.pop() for stage in stages for _ in range(len(stage))]
        stats = buffer.stats({})

        assert (stats.tracked - sum(stats.dropped.values()), place) == (len(held), place)
        assert buffer.pending.bytes == buffer.sealed.bytes == 0


def test_bounds_are_kept_again_after_a_strike() -> None:
    """What a put that was struck left too much of goes with the next one."""
    buffer = EventQueue()

    def put_anew() -> Callable[[], object]:
        nonlocal buffer
        buffer = EventQueue(max_events=2)
        buffer.put(pending())
        buffer.put(pending())
        return lambda: buffer.put(pending())

    for _ in strikes(put_anew):
        buffer.put(pending())

        assert buffer.waiting == 2


def test_a_flusher_outlives_strikes_at_its_birth() -> None:
    """Wherever an exception strikes the first call, what is tracked later is delivered."""
    harness = _harness()

    def put_anew() -> Callable[[], object]:
        nonlocal harness
        harness = _harness()
        return lambda: harness.track("struck")

    for place in strikes(put_anew):
        harness.track("later")

        assert harness.flusher.flush(20.0), place
        assert harness.counts["delivered"] in {1, 2}
        assert harness.flusher.close(20.0) == 0
        assert harness.flusher.finished


def test_an_event_whose_call_was_struck_does_not_lie() -> None:
    """Wherever an exception strikes a call, the flusher is told of what is queued."""
    harness = _harness()
    harness.track("first")
    assert harness.flusher.flush(20.0)

    def put_anew() -> Callable[[], object]:
        wait_until(lambda: harness.flusher.buffer.waiting == 0)
        return lambda: harness.track("struck")

    for _ in strikes(put_anew):
        pass

    wait_until(lambda: harness.flusher.buffer.waiting == 0)
    assert list(harness.counts) == ["delivered"]
    assert harness.flusher.close(20.0) == 0


def _harness() -> FlusherHarness:
    return FlusherHarness(InstantTransport, interval=0.01, seal=lambda _: b"{}", pace=DEFAULT_RETRY)
