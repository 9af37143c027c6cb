import math
import signal
import threading
import time

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sqreen_mw.agent.delivery.batch import BATCH_BYTES, BATCH_EVENTS
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.pending import PendingEvent, SealedEvent
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
        """The flusher has no time for what it took."""
        self.queue.put_back(self.queue.take_ready(0.0, up_to=math.inf))

    @rule()
    def cut(self) -> None:
        """The flusher cuts a batch."""
        self.under_way += len(self.queue.take_batch())

    @rule(part=st.floats(0, 1))
    def deliver(self, part: float) -> None:
        """The collector takes some."""
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
        """Tracked is delivered, waiting and dropped, and the bounds hold."""
        stats = self.queue.stats({})
        assert stats.tracked == self.put
        assert stats.tracked == stats.delivered + stats.waiting + sum(stats.dropped.values())
        assert stats.waiting - self.under_way <= 8


TestAccounts = Accounts.TestCase


@given(st.lists(st.integers(1, 400), max_size=30))
def test_the_oldest_go_first(sizes: list[int]) -> None:
    """Beyond its bounds the queue keeps the newest events that fit."""
    queue = EventQueue(max_events=8, max_bytes=1000)
    events = [pending(size=size) for size in sizes]
    for event in events:
        queue.put(event)

    kept = queue.take_ready(0.0, up_to=math.inf)

    assert kept == events[len(events) - len(kept) :]
    assert sum(event.size for event in kept) <= 1000


def test_what_is_sealed_stays_where_sealing_falls_behind() -> None:
    """Of two stages the one that holds more loses its oldest: no work is done for nothing."""
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


def test_an_event_larger_than_the_queue_is_dropped() -> None:
    """An event that can't fit is counted, not kept."""
    queue = EventQueue(max_bytes=10)

    queue.put(pending(size=11))

    assert queue.stats({}).dropped == {"overflow": 1}
    assert queue.oldest is None


def test_running_requests_are_passed_over_in_order() -> None:
    """Events that wait for their request keep their place."""
    queue = EventQueue()
    running, ended = StubRequest(), StubRequest()
    ended.finish()
    events = [pending(context=context, tracked_at=5.0) for context in (running, ended, running)]
    for event in events:
        queue.put(event)

    assert queue.take_ready(5.5, up_to=0.0) == [events[1]]
    assert queue.oldest == 5.0
    assert queue.take_ready(6.0, up_to=0.0) == [events[0], events[2]]


def test_a_batch_has_bounds() -> None:
    """A batch takes as many sealed events as may travel together, in their order."""
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


def test_tells_the_edges() -> None:
    """The first event and the one that fills a batch are told, no other is."""
    queue = EventQueue()

    edges = [queue.put(pending()) for _ in range(BATCH_EVENTS + 5)]

    assert [index for index, edge in enumerate(edges) if edge] == [0, BATCH_EVENTS - 1]
    assert queue.pending.full


def test_counts_are_exact_over_threads() -> None:
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


def test_a_signal_in_the_middle_of_a_put_leaves_the_counts_whole() -> None:
    """A handler that tracks while the app tracks: each event is counted, with its bytes."""
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
