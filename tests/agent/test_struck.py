import math
from collections.abc import Callable

from sqreen_mw.agent.delivery.queue import Buffer
from sqreen_mw.agent.pending import SealedEvent
from tests.agent.striking import strikes
from tests.agent.test_flusher import DEFAULT_PACE, Bench, Instant
from tests.support.samples import pending
from tests.support.waiting import wait_until


def test_a_put_that_is_struck_counts_or_does_not() -> None:
    """Wherever an exception strikes while an event is queued, counts and bytes agree with it."""
    buffer = Buffer()

    def put_anew() -> Callable[[], object]:
        nonlocal buffer
        buffer = Buffer(max_events=3, max_bytes=1000)
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
    buffer = Buffer()

    def put_anew() -> Callable[[], object]:
        nonlocal buffer
        buffer = Buffer(max_events=2)
        buffer.put(pending())
        buffer.put(pending())
        return lambda: buffer.put(pending())

    for _ in strikes(put_anew):
        buffer.put(pending())

        assert buffer.waiting == 2


def test_a_flusher_outlives_strikes_at_its_birth() -> None:
    """Wherever an exception strikes the first call, what is tracked later is delivered."""
    bench = _bench()

    def put_anew() -> Callable[[], object]:
        nonlocal bench
        bench = _bench()
        return lambda: bench.track("struck")

    for place in strikes(put_anew):
        bench.track("later")

        assert bench.flusher.flush(20.0), place
        assert bench.counts["delivered"] in {1, 2}
        assert bench.flusher.close(20.0) == 0
        assert bench.flusher.finished


def test_an_event_whose_call_was_struck_does_not_lie() -> None:
    """Wherever an exception strikes a call, the flusher is told of what is queued."""
    bench = _bench()
    bench.track("first")
    assert bench.flusher.flush(20.0)

    def put_anew() -> Callable[[], object]:
        wait_until(lambda: bench.flusher.buffer.waiting == 0)
        return lambda: bench.track("struck")

    for _ in strikes(put_anew):
        pass

    wait_until(lambda: bench.flusher.buffer.waiting == 0)
    assert list(bench.counts) == ["delivered"]
    assert bench.flusher.close(20.0) == 0


def _bench() -> Bench:
    return Bench(Instant, interval=0.01, seal=lambda _: b"{}", pace=DEFAULT_PACE)
