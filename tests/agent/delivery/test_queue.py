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
        self.buffer = EventQueue(max_events=8, max_bytes=1000)
        self.under_way = 0
        self.put = 0

    @rule(size=st.integers(1, 400))
    def track(self, size: int) -> None:
        """An app tracks."""
        self.buffer.put(pending(size=size))
        self.put += 1

    @rule(size=st.integers(1, 400))
    def seal(self, size: int) -> None:
        """The flusher seals, and the app's hook drops every second event."""
        for index, event in enumerate(self.buffer.take_ready(0.0, wanted=math.inf)):
            if index % 2:
                self.buffer.dropped("before_send")
            else:
                self.buffer.put_sealed(SealedEvent(b"x" * size, event.tracked_at))

    @rule()
    def give_way(self) -> None:
        """The flusher has no time for what it took."""
        self.buffer.put_back(self.buffer.take_ready(0.0, wanted=math.inf))

    @rule()
    def cut(self) -> None:
        """The flusher cuts a batch."""
        self.under_way += len(self.buffer.take_batch())

    @rule(part=st.floats(0, 1))
    def deliver(self, part: float) -> None:
        """The collector takes some."""
        count = int(self.under_way * part)
        self.buffer.delivered(count)
        self.under_way -= count

    @rule()
    def drop(self) -> None:
        """The collector refuses all."""
        self.buffer.dropped("refused", self.under_way)
        self.under_way = 0

    @rule()
    def refuse(self) -> None:
        """An app tracks after the close."""
        self.buffer.refused("closed")
        self.put += 1

    @rule()
    def abandon(self) -> None:
        """The process ends."""
        waiting = self.buffer.waiting
        assert self.buffer.abandon("exit") == waiting

    @invariant()
    def adds_up(self) -> None:
        """Tracked is delivered, waiting and dropped, and the bounds hold."""
        stats = self.buffer.stats({})
        assert stats.tracked == self.put
        assert stats.tracked == stats.delivered + stats.waiting + sum(stats.dropped.values())
        assert stats.waiting - self.under_way <= 8


TestAccounts = Accounts.TestCase


@given(st.lists(st.integers(1, 400), max_size=30))
def test_the_oldest_go_first(sizes: list[int]) -> None:
    """Beyond its bounds the queue keeps the newest events that fit."""
    buffer = EventQueue(max_events=8, max_bytes=1000)
    events = [pending(size=size) for size in sizes]
    for event in events:
        buffer.put(event)

    kept = buffer.take_ready(0.0, wanted=math.inf)

    assert kept == events[len(events) - len(kept) :]
    assert sum(event.size for event in kept) <= 1000


def test_what_is_sealed_stays_where_sealing_falls_behind() -> None:
    """Of two stages the one that holds more loses its oldest: no work is done for nothing."""
    buffer = EventQueue(max_events=4)
    for _ in range(4):
        buffer.put(pending(size=100))
    [taken] = buffer.take_ready(0.0, wanted=math.inf, most=1)
    buffer.put_sealed(SealedEvent(b"x" * 50, taken.tracked_at))

    buffer.put(pending(size=100))
    assert (len(buffer.pending), len(buffer.sealed)) == (3, 1)

    for taken in buffer.take_ready(0.0, wanted=math.inf, most=2):
        buffer.put_sealed(SealedEvent(b"x" * 50, taken.tracked_at))
    buffer.put(pending(size=100))
    assert (len(buffer.pending), len(buffer.sealed)) == (2, 2)


def test_an_event_larger_than_the_queue_is_dropped() -> None:
    """An event that can't fit is counted, not kept."""
    buffer = EventQueue(max_bytes=10)

    buffer.put(pending(size=11))

    assert buffer.stats({}).dropped == {"overflow": 1}
    assert buffer.oldest is None


def test_running_requests_are_passed_over_in_order() -> None:
    """Events that wait for their request keep their place."""
    buffer = EventQueue()
    running, ended = StubRequest(), StubRequest()
    ended.finish()
    events = [pending(context=context, tracked_at=5.0) for context in (running, ended, running)]
    for event in events:
        buffer.put(event)

    assert buffer.take_ready(5.5, wanted=0.0) == [events[1]]
    assert buffer.oldest == 5.0
    assert buffer.take_ready(6.0, wanted=0.0) == [events[0], events[2]]


def test_a_batch_has_bounds() -> None:
    """A batch takes as many sealed events as may travel together, in their order."""
    buffer = EventQueue()
    sizes = [10] * (BATCH_EVENTS + 1) + [BATCH_BYTES, BATCH_BYTES // 2, BATCH_BYTES // 2 + 1]
    for _ in sizes:
        buffer.put(pending())
    events = [*buffer.take_ready(0.0, wanted=math.inf), *buffer.take_ready(0.0, wanted=math.inf)]
    for size, event in zip(sizes, events, strict=True):
        buffer.put_sealed(SealedEvent(b"x" * size, event.tracked_at))

    taken = [[len(event.data) for event in buffer.take_batch()] for _ in range(6)]

    assert taken == [
        sizes[:BATCH_EVENTS],
        [10],
        [BATCH_BYTES],
        *([size] for size in sizes[-2:]),
        [],
    ]


def test_tells_the_edges() -> None:
    """The first event and the one that fills a batch are told, no other is."""
    buffer = EventQueue()

    edges = [buffer.put(pending()) for _ in range(BATCH_EVENTS + 5)]

    assert [index for index, edge in enumerate(edges) if edge] == [0, BATCH_EVENTS - 1]
    assert buffer.pending.full


def test_counts_are_exact_over_threads() -> None:
    """Threads that put while another takes lose no event and count none twice."""
    buffer = EventQueue(max_events=50)
    taken: list[PendingEvent] = []

    def put() -> None:
        for _ in range(2000):
            buffer.put(pending())

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += buffer.take_ready(0.0, wanted=math.inf)
    taken += buffer.take_ready(0.0, wanted=math.inf)

    stats = buffer.stats({})
    assert stats.tracked == 8000
    assert len(taken) == len({id(event) for event in taken}) == stats.waiting
    assert stats.tracked == stats.waiting + stats.dropped.get("overflow", 0)


def test_a_signal_in_the_middle_of_a_put_leaves_the_counts_whole() -> None:
    """A handler that tracks while the app tracks: each event is counted, with its bytes."""
    buffer = EventQueue(max_events=50, max_bytes=10_000)
    put = 0

    def on_alarm(*_: object) -> None:
        nonlocal put
        buffer.put(pending(size=100))
        put += 1

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            buffer.put(pending(size=300))
            put += 1
            for event in buffer.take_ready(0.0, wanted=math.inf):
                buffer.put_sealed(SealedEvent(b"x" * event.size, event.tracked_at))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    stages = (buffer.pending, buffer.sealed)
    counted = [(len(stage), stage.bytes) for stage in stages]
    held = [[stage.pop().size for _ in range(len(stage))] for stage in stages]
    assert [(len(sizes), sum(sizes)) for sizes in held] == counted
    assert buffer.stats({}).tracked == put
