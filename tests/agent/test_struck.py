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
    queue = EventQueue()

    def put_anew() -> Callable[[], object]:
        nonlocal queue
        queue = EventQueue(max_events=3, max_bytes=1000)
        for _ in range(3):
            queue.put(pending(size=100))
        for event in queue.take_ready(0.0, up_to=math.inf, most=1):
            queue.put_sealed(SealedEvent(b"x" * 10, event.tracked_at))
        return lambda: queue.put(pending(size=900))

    for place in strikes(put_anew):
        stages = (queue.pending, queue.sealed)
        held = [stage.pop() for stage in stages for _ in range(len(stage))]
        stats = queue.stats({})

        assert (stats.tracked - sum(stats.dropped.values()), place) == (len(held), place)
        assert queue.pending.bytes == queue.sealed.bytes == 0


def test_bounds_are_kept_again_after_a_strike() -> None:
    """What a put that was struck left too much of goes with the next one."""
    queue = EventQueue()

    def put_anew() -> Callable[[], object]:
        nonlocal queue
        queue = EventQueue(max_events=2)
        queue.put(pending())
        queue.put(pending())
        return lambda: queue.put(pending())

    for _ in strikes(put_anew):
        queue.put(pending())

        assert queue.waiting == 2


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
        wait_until(lambda: harness.flusher.queue.waiting == 0)
        return lambda: harness.track("struck")

    for _ in strikes(put_anew):
        pass

    wait_until(lambda: harness.flusher.queue.waiting == 0)
    assert list(harness.counts) == ["delivered"]
    assert harness.flusher.close(20.0) == 0


def _harness() -> FlusherHarness:
    return FlusherHarness(
        InstantTransport, interval=0.01, seal=lambda _: b"{}", retry=DEFAULT_RETRY
    )
