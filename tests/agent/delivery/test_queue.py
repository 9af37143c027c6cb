import math
import signal
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sqreen_mw.agent.delivery.batch import BATCH_BYTES, BATCH_EVENTS
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.sealing import PendingEvent, SealedEvent
from tests.support.samples import StubRequest, pending


class Accounts(RuleBasedStateMachine):
    """Whatever happens to events, each is counted exactly once."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = EventQueue(max_events=8, max_bytes=1000)
        self.under_way = 0
        self.put = 0

    @rule(size=st.integers(1, 400))
    def track(self, size: int) -> None:
        """An app tracks."""
        self.queue.put(pending(size=size))
        self.put += 1

    @rule(size=st.integers(1, 400))
    def seal(self, size: int) -> None:
        """The flusher seals, and the app's hook drops every second event."""
        for index, event in enumerate(self.queue.take_ready(0.0, up_to=math.inf)):
            if index % 2:
                self.queue.dropped("before_send")
            else:
                self.queue.put_sealed(SealedEvent(b"x" * size, event.tracked_at))

    @rule()
    def give_way(self) -> None:
        """The flusher has no time for the events that it took."""
        self.queue.put_back(self.queue.take_ready(0.0, up_to=math.inf))

    @rule()
    def make_batch(self) -> None:
        """The flusher makes a batch."""
        self.under_way += len(self.queue.take_batch())

    @rule(part=st.floats(0, 1))
    def deliver(self, part: float) -> None:
        """The collector accepts some."""
        count = int(self.under_way * part)
        self.queue.delivered(count)
        self.under_way -= count

    @rule()
    def drop(self) -> None:
        """The collector refuses all."""
        self.queue.dropped("refused", self.under_way)
        self.under_way = 0

    @rule()
    def refuse(self) -> None:
        """An app tracks after the close."""
        self.queue.refused("closed")
        self.put += 1

    @rule()
    def abandon(self) -> None:
        """The process ends."""
        waiting = self.queue.waiting
        assert self.queue.abandon("exit") == waiting

    @invariant()
    def adds_up(self) -> None:
        """Tracked is delivered plus waiting plus dropped, and the queue keeps its limit."""
        stats = self.queue.stats({})
        assert stats.tracked == self.put
        assert stats.tracked == stats.delivered + stats.waiting + sum(stats.dropped.values())
        assert stats.waiting - self.under_way <= 8


TestAccounts = Accounts.TestCase


@given(st.lists(st.integers(1, 400), max_size=30))
def test_oldest_events_are_dropped_first(sizes: list[int]) -> None:
    """A full queue keeps the newest events that fit."""
    queue = EventQueue(max_events=8, max_bytes=1000)
    events = [pending(size=size) for size in sizes]
    for event in events:
        queue.put(event)

    kept = queue.take_ready(0.0, up_to=math.inf)

    assert kept == events[len(events) - len(kept) :]
    assert sum(event.size for event in kept) <= 1000


def test_sealed_events_stay_if_sealing_falls_behind() -> None:
    """The larger of both parts drops its oldest events, so that no sealing is wasted."""
    queue = EventQueue(max_events=4)
    for _ in range(4):
        queue.put(pending(size=100))
    [taken] = queue.take_ready(0.0, up_to=math.inf, most=1)
    queue.put_sealed(SealedEvent(b"x" * 50, taken.tracked_at))

    queue.put(pending(size=100))
    assert (len(queue.pending), len(queue.sealed)) == (3, 1)

    for taken in queue.take_ready(0.0, up_to=math.inf, most=2):
        queue.put_sealed(SealedEvent(b"x" * 50, taken.tracked_at))
    queue.put(pending(size=100))
    assert (len(queue.pending), len(queue.sealed)) == (2, 2)


def test_event_larger_than_the_queue_is_dropped() -> None:
    """An event that can't fit is counted, not kept."""
    queue = EventQueue(max_bytes=10)

    queue.put(pending(size=11))

    assert queue.stats({}).dropped == {"overflow": 1}
    assert queue.waiting == 0


def test_events_of_running_requests_keep_their_place() -> None:
    """Events that wait for their request are skipped, and keep their order."""
    queue = EventQueue()
    running, ended = StubRequest(), StubRequest()
    ended.finish()
    events = [pending(context=context, tracked_at=5.0) for context in (running, ended, running)]
    for event in events:
        queue.put(event)

    assert queue.take_ready(5.5, up_to=0.0) == [events[1]]
    assert queue.waiting == 3
    assert queue.take_ready(6.0, up_to=0.0) == [events[0], events[2]]


def test_batches_keep_their_limits() -> None:
    """A batch has as many sealed events as its limits allow, in their order."""
    queue = EventQueue()
    sizes = [10] * (BATCH_EVENTS + 1) + [BATCH_BYTES, BATCH_BYTES // 2, BATCH_BYTES // 2 + 1]
    for _ in sizes:
        queue.put(pending())
    events = [*queue.take_ready(0.0, up_to=math.inf), *queue.take_ready(0.0, up_to=math.inf)]
    for size, event in zip(sizes, events, strict=True):
        queue.put_sealed(SealedEvent(b"x" * size, event.tracked_at))

    taken = [[len(event.data) for event in queue.take_batch()] for _ in range(6)]

    assert taken == [
        sizes[:BATCH_EVENTS],
        [10],
        [BATCH_BYTES],
        *([size] for size in sizes[-2:]),
        [],
    ]


def test_flusher_is_woken_only_for_the_first_event_and_a_full_batch() -> None:
    """``put`` returns True for the first event and for one that fills a batch."""
    queue = EventQueue()

    wakes = [queue.put(pending()) for _ in range(BATCH_EVENTS + 5)]

    assert [index for index, wake in enumerate(wakes) if wake] == [0, BATCH_EVENTS - 1]
    assert len(queue.pending) == BATCH_EVENTS + 5


def test_counters_are_exact_over_threads() -> None:
    """Threads that put while another takes lose no event and count none twice."""
    queue = EventQueue(max_events=50)
    taken: list[PendingEvent] = []

    def put() -> None:
        for _ in range(2000):
            queue.put(pending())

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += queue.take_ready(0.0, up_to=math.inf)
    taken += queue.take_ready(0.0, up_to=math.inf)

    stats = queue.stats({})
    assert stats.tracked == 8000
    assert len(taken) == len({id(event) for event in taken}) == stats.waiting
    assert stats.tracked == stats.waiting + stats.dropped.get("overflow", 0)


@pytest.mark.slow
def test_signal_during_put_keeps_the_counters_correct() -> None:
    """If a signal handler tracks while the app tracks, each event is counted with its bytes."""
    queue = EventQueue(max_events=50, max_bytes=10_000)
    put = 0

    def on_alarm(*_: object) -> None:
        nonlocal put
        queue.put(pending(size=100))
        put += 1

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            queue.put(pending(size=300))
            put += 1
            for event in queue.take_ready(0.0, up_to=math.inf):
                queue.put_sealed(SealedEvent(b"x" * event.size, event.tracked_at))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    stages = (queue.pending, queue.sealed)
    counted = [(len(stage), stage.bytes) for stage in stages]
    held = [[stage.pop().size for _ in range(len(stage))] for stage in stages]
    assert [(len(sizes), sum(sizes)) for sizes in held] == counted
    assert queue.stats({}).tracked == put
