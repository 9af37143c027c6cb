import gc
import math
import socket
from collections.abc import Callable

import pytest

from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.transports.dns import OwnResolverLoop
from sqreen_mw.agent.sealing import SealedEvent
from tests.agent.signal_injection import inject_everywhere
from tests.support.flusher_harness import DEFAULT_RETRY, FlusherHarness, InstantTransport
from tests.support.samples import pending
from tests.support.waiting import wait_until


def test_interrupted_put_keeps_counts_right() -> None:
    """If a signal handler raises during ``put``, the counts match the queue."""
    queue = EventQueue()

    def new_call() -> Callable[[], object]:
        nonlocal queue
        queue = EventQueue(max_events=3, max_bytes=1000)
        for _ in range(3):
            queue.put(pending(size=100))
        for event in queue.take_ready(0.0, up_to=math.inf, most=1):
            queue.put_sealed(SealedEvent(b"x" * 10, event.tracked_at))
        return lambda: queue.put(pending(size=900))

    for point in inject_everywhere(new_call):
        stages = (queue.pending, queue.sealed)
        held = [stage.pop() for stage in stages for _ in range(len(stage))]
        stats = queue.stats({})

        assert (stats.tracked - sum(stats.dropped.values()), point) == (len(held), point)
        assert queue.pending.bytes == queue.sealed.bytes == 0


def test_put_after_an_interrupted_one_keeps_the_bounds() -> None:
    """The next ``put`` drops the events that an interrupted one left above the bound."""
    queue = EventQueue()

    def new_call() -> Callable[[], object]:
        nonlocal queue
        queue = EventQueue(max_events=2)
        queue.put(pending())
        queue.put(pending())
        return lambda: queue.put(pending())

    for _ in inject_everywhere(new_call):
        queue.put(pending())

        assert queue.waiting == 2


def test_flusher_starts_after_an_interrupted_first_call() -> None:
    """If a signal handler raises during the first call, later events are delivered."""
    harness = _harness()

    def new_call() -> Callable[[], object]:
        nonlocal harness
        harness = _harness()
        return lambda: harness.track("interrupted")

    for point in inject_everywhere(new_call):
        harness.track("later")

        assert harness.flusher.flush(20.0), point
        assert harness.counts["delivered"] in {1, 2}
        assert harness.flusher.close(20.0) == 0
        assert harness.flusher.finished


def test_event_of_an_interrupted_call_is_delivered() -> None:
    """If a signal handler raises during a call, the flusher still delivers a queued event."""
    harness = _harness()
    harness.track("first")
    assert harness.flusher.flush(20.0)

    def new_call() -> Callable[[], object]:
        wait_until(lambda: harness.flusher.queue.waiting == 0)
        return lambda: harness.track("interrupted")

    for _ in inject_everywhere(new_call):
        pass

    wait_until(lambda: harness.flusher.queue.waiting == 0)
    assert list(harness.counts) == ["delivered"]
    assert harness.flusher.close(20.0) == 0


def _leave_closed_loop(_: pytest.MonkeyPatch) -> None:
    OwnResolverLoop().close()


def _leave_used_loop(_: pytest.MonkeyPatch) -> None:
    harness = _harness()
    harness.track("first")
    assert harness.flusher.close(20.0) == 0


def _leave_incomplete_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socketpair", _raise_too_many_files)
        with pytest.raises(OSError, match="Too many open files"):
            OwnResolverLoop()


def _raise_too_many_files() -> None:
    raise OSError("Too many open files")


@pytest.mark.parametrize("leave", [_leave_closed_loop, _leave_used_loop, _leave_incomplete_loop])
def test_no_error_of_a_signal_handler_is_lost_in_the_end_of_a_loop(
    monkeypatch: pytest.MonkeyPatch, leave: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """The garbage collector may free a flusher's loop in any thread, during any call."""
    gc.collect()
    leave(monkeypatch)

    assert list(inject_everywhere(lambda: gc.collect)) == []


def _harness() -> FlusherHarness:
    return FlusherHarness(
        InstantTransport, interval=0.01, seal=lambda _: b"{}", retry=DEFAULT_RETRY
    )
