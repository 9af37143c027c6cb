import _thread
import asyncio
import contextvars
import gc
import logging
import os
import resource
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

import pytest

from sqreen_mw.agent import pending as pending_module
from sqreen_mw.agent.delivery import flusher as flusher_module
from sqreen_mw.agent.delivery import scheduler as scheduler_module
from sqreen_mw.agent.delivery.batch import BATCH_EVENTS, Batch
from sqreen_mw.agent.delivery.flusher import Delivery, Flusher
from sqreen_mw.agent.delivery.queue import Buffer
from sqreen_mw.agent.delivery.retry import Pace
from sqreen_mw.agent.delivery.scheduler import SLICE_SECONDS
from sqreen_mw.agent.delivery.sender import Outbox
from sqreen_mw.agent.delivery.spool.base import Spool, no_spool
from sqreen_mw.agent.delivery.transports.base import Delivered, Transport
from sqreen_mw.agent.delivery.transports.dns import OwnResolverLoop
from sqreen_mw.agent.delivery.transports.http import HttpTransport
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.pending import PendingEvent
from sqreen_mw.agent.sealing import Sealer
from sqreen_mw.capture.client_ip import LOOPBACK, ClientIp, Networks
from sqreen_mw.capture.request import Describer
from sqreen_mw.protocol.batch import Envelope
from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.scrubbing.scrubber import Scrubber
from tests.support.faulty_collector import Answer, FaultyCollector
from tests.support.samples import Asked, pending
from tests.support.waiting import PATIENCE

DEFAULT_PACE = Pace()


class Instant:
    """A transport that takes every batch at once."""

    async def send(self, batch: Batch, *, seconds: float) -> Delivered:  # noqa: ARG002
        """Take it."""
        return Delivered()

    async def close(self) -> None:
        """Do nothing."""


Eventually = Callable[[Callable[[], object]], None]


class Bench:
    """A flusher towards a collector, and what it says."""

    def __init__(
        self,
        open_transport: Callable[[], Transport],
        *,
        interval: float,
        seal: Callable[[PendingEvent], bytes | None] | None,
        pace: Pace,
        open_spool: Callable[[Buffer], Spool] = no_spool,
    ) -> None:
        self.guard = Guard()
        client_ip = ClientIp(trusted=Networks(LOOPBACK))
        describer = Describer(client_ip=client_ip, scrubber=Scrubber())
        sealer = Sealer(describer=describer, before_send=None, guard=self.guard)
        delivery = Delivery(
            open_transport=open_transport,
            seal=seal or sealer.seal,
            header=Envelope(app="shop", events=[]),
            interval=interval,
            guard=self.guard,
            pace=pace,
            open_spool=open_spool,
        )
        self.flusher = Flusher(delivery)

    def track(self, name: str, **changes: Any) -> bool:
        """Queue an event of the present."""
        now = {"id": new_event_id(0), "name": name, "tracked_at": time.monotonic()}
        return self.flusher.put(pending(**{**now, **changes}))

    @property
    def replayed(self) -> int:
        """The number of events that other processes left in the spool."""
        return self.flusher.buffer.stats({}).replayed

    @property
    def counts(self) -> dict[str, Any]:
        """What became of the events, without what is zero."""
        stats = self.flusher.buffer.stats({})
        told = stats.delivered + stats.waiting + sum(stats.dropped.values())
        assert stats.tracked + stats.replayed == told
        values = {"delivered": stats.delivered, "waiting": stats.waiting, **stats.dropped}
        return {key: value for key, value in values.items() if value}


@pytest.fixture
def bench_of(collector: FaultyCollector) -> Iterator[Callable[..., Bench]]:
    """Return a function that makes a flusher towards the collector; all are closed at the end."""
    benches: list[Bench] = []

    def make(
        *,
        interval: float = 1.0,
        transport: Transport | None = None,
        seal: Callable[[PendingEvent], bytes | None] | None = None,
        pace: Pace = DEFAULT_PACE,
    ) -> Bench:
        def open_transport() -> Transport:
            return transport or HttpTransport(url=collector.url, token="t", user_agent="u")

        bench = Bench(open_transport, interval=interval, seal=seal, pace=pace)
        benches.append(bench)
        return bench

    yield make
    for bench in benches:
        bench.flusher.close(1.0)


def test_events_wait_for_others_then_leave_together(
    collector: FaultyCollector, bench_of: Callable[..., Bench], eventually: Eventually
) -> None:
    """A batch leaves one interval after its first event, not before."""
    bench = bench_of(interval=2.0)
    start = time.monotonic()
    for name in "abc":
        bench.track(name)

    eventually(lambda: collector.posts)

    assert [post.names for post in collector.posts] == [["a", "b", "c"]]
    assert collector.posts[0].at - start >= 2.0
    eventually(lambda: bench.counts == {"delivered": 3})


def test_a_full_batch_leaves_at_once(
    collector: FaultyCollector, bench_of: Callable[..., Bench], eventually: Eventually
) -> None:
    """500 events do not wait for the interval; the rest does."""
    bench = bench_of(interval=60.0)
    for index in range(510):
        bench.track(str(index))

    eventually(lambda: bench.counts == {"delivered": 500, "waiting": 10})

    assert [len(post.names) for post in collector.posts] == [500]


def test_a_batch_stays_below_the_wire_limit(
    collector: FaultyCollector, bench_of: Callable[..., Bench]
) -> None:
    """Large events are spread over several batches of at most 1 MiB."""
    bench = bench_of(interval=60.0)
    for index in range(40):
        bench.track(str(index), properties={str(i): "é" * 1900 for i in range(15)})

    assert bench.flusher.flush(PATIENCE)
    assert [len(post.names) for post in collector.posts] == [18, 18, 4]
    assert collector.names == [str(index) for index in range(40)]


def test_flush_waits_for_what_was_tracked(
    collector: FaultyCollector, bench_of: Callable[..., Bench]
) -> None:
    """A flush returns once everything before it is settled, long before the interval is over."""
    bench = bench_of(interval=60.0)
    assert bench.flusher.flush(PATIENCE)
    for index in range(1200):
        bench.track(str(index))

    assert bench.flusher.flush(PATIENCE)
    assert bench.counts == {"delivered": 1200}
    assert collector.names == [str(index) for index in range(1200)]
    assert bench.flusher.flush(PATIENCE)


def test_flush_takes_events_of_running_requests(
    collector: FaultyCollector, bench_of: Callable[..., Bench]
) -> None:
    """What a running request tracked is sealed by a flush as well."""
    bench = bench_of(interval=60.0)
    bench.track("x", context=Asked())

    assert bench.flusher.flush(PATIENCE)
    assert collector.names == ["x"]


def test_a_running_request_holds_its_events_back(
    collector: FaultyCollector,
    bench_of: Callable[..., Bench],
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An event waits for its request to end, but not for ever, and holds no other up."""
    monkeypatch.setattr(pending_module, "SEAL_AFTER", 3.0)
    bench = bench_of(interval=0.1)
    ended, endless = Asked(), Asked()
    start = time.monotonic()
    bench.track("endless", context=endless)
    bench.track("ended", context=ended)
    bench.track("free")
    eventually(lambda: collector.names == ["free"])
    ended.finish()
    eventually(lambda: collector.names == ["free", "ended"])
    eventually(lambda: collector.names == ["free", "ended", "endless"])
    assert collector.posts[-1].at - start >= 3.0


def test_a_flush_gives_up_in_time(
    collector: FaultyCollector, bench_of: Callable[..., Bench]
) -> None:
    """With a collector that hangs, the caller waits no longer than it said."""
    collector.answers = [Answer(delay=20.0)]
    bench = bench_of()
    bench.track("x")
    start = time.monotonic()

    assert not bench.flusher.flush(0.2)
    assert 0.2 <= time.monotonic() - start < 10
    assert bench.counts == {"waiting": 1}


def test_a_failed_batch_is_sent_again_as_it_was(
    collector: FaultyCollector,
    bench_of: Callable[..., Bench],
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A batch keeps its events and its id over retries, and newer events come after it."""
    collector.answers = [Answer(status=503), Answer(status=429, headers={"Retry-After": "0"})]
    bench = bench_of(interval=0.05)
    bench.track("a")
    eventually(lambda: collector.posts)
    bench.track("b")

    eventually(lambda: bench.counts == {"delivered": 2})

    assert [post.names for post in collector.posts] == [["a"], ["a"], ["a"], ["b"]]
    keys = [post.headers["idempotency-key"] for post in collector.posts]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert "events can't be delivered yet (HTTP 503)" in caplog.messages[0]
    assert len(caplog.messages) == 1


def test_retry_after_is_obeyed(
    collector: FaultyCollector, bench_of: Callable[..., Bench], eventually: Eventually
) -> None:
    """The collector is left alone for as long as it asks."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "1"})]
    bench = bench_of(interval=0.05)
    bench.track("a")

    eventually(lambda: len(collector.posts) == 2)

    assert collector.posts[1].at - collector.posts[0].at >= 1.0


@pytest.mark.parametrize(
    "answer", [Answer(status=429, headers={"Retry-After": "1"}), Answer(status=401)]
)
def test_a_flush_is_no_sooner_than_the_collector_asks(
    collector: FaultyCollector,
    bench_of: Callable[..., Bench],
    eventually: Eventually,
    answer: Answer,
) -> None:
    """However often a flush is wanted, a collector that asked for a pause has it."""
    collector.answers = [answer]
    bench = bench_of(interval=60.0, pace=Pace(misconfigured=1.0))
    bench.track("a")
    bench.flusher.flush(0.0)
    eventually(lambda: bench.guard.counts)

    eventually(lambda: bench.flusher.flush(0.01))

    assert len(collector.posts) == 2
    assert collector.posts[1].at - collector.posts[0].at >= 1.0
    assert bench.counts == {"delivered": 1}


def test_a_flush_cuts_a_pause_of_our_own_short(
    collector: FaultyCollector, bench_of: Callable[..., Bench], eventually: Eventually
) -> None:
    """Where the collector asked for nothing, a flush tries at once."""
    collector.answers = [Answer(status=503)]
    bench = bench_of(interval=0.01, pace=Pace(first_delay=1e9, max_delay=1e9))
    bench.track("a")
    eventually(lambda: bench.guard.counts)

    assert bench.flusher.flush(20.0)

    assert bench.counts == {"delivered": 1}


def test_a_batch_that_is_too_large_is_halved(
    collector: FaultyCollector, bench_of: Callable[..., Bench]
) -> None:
    """413 halves a batch until it fits; a single event that does not is dropped and counted."""
    too_large = Answer(status=413)
    collector.answers = [too_large, too_large, too_large, Answer(), Answer()]
    bench = bench_of()
    for name in "abcd":
        bench.track(name)

    assert bench.flusher.flush(PATIENCE)

    assert [post.names for post in collector.posts] == [
        ["a", "b", "c", "d"],
        ["a", "b"],
        ["a"],
        ["b"],
        ["c", "d"],
    ]
    assert bench.counts == {"delivered": 3, "too_large": 1}


def test_a_refused_token_keeps_the_events(
    collector: FaultyCollector, bench_of: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    """401 stops sending for a while with one line, and nothing is lost."""
    collector.answers = [Answer(status=401, body=b"unknown token")]
    bench = bench_of(pace=Pace(misconfigured=0.3))
    bench.track("a")

    assert bench.flusher.flush(PATIENCE)

    assert collector.posts[1].at - collector.posts[0].at >= 0.3
    assert bench.counts == {"delivered": 1}
    [line] = caplog.messages
    assert line.startswith("the collector takes no events, check SQREEN_TOKEN (it says HTTP 401 un")
    assert line.endswith("unknown token): 1 events wait")


def test_refused_and_rejected_events_are_counted(
    collector: FaultyCollector, bench_of: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    """What the collector never takes is dropped by reason, and said."""
    rejected = b'{"accepted":1,"rejected":[{"index":0,"code":"c","detail":"bad name"}]}'
    collector.answers = [Answer(status=400, body=b"bad"), Answer(status=202, body=rejected)]
    bench = bench_of()
    bench.track("a")
    assert bench.flusher.flush(PATIENCE)
    bench.track("b")
    bench.track("c")
    assert bench.flusher.flush(PATIENCE)

    assert bench.counts == {"delivered": 1, "refused": 1, "rejected": 1}
    assert "1 events are lost, refused: HTTP 400 bad" in caplog.text
    assert "1 events are lost, rejected: bad name" in caplog.text


def test_old_events_are_given_up(
    collector: FaultyCollector, bench_of: Callable[..., Bench]
) -> None:
    """An event that nobody took in time is dropped and counted, in the queue and in a batch."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "4"})]
    bench = bench_of(pace=Pace(max_age=3.0))
    bench.track("queued", tracked_at=time.monotonic() - 4)
    bench.track("batched")

    assert bench.flusher.flush(PATIENCE)

    assert bench.counts == {"expired": 2}
    assert collector.names == ["batched"]


def test_younger_events_of_a_batch_outlive_its_old_ones(
    collector: FaultyCollector, bench_of: Callable[..., Bench]
) -> None:
    """Each event has its hour: one that is too old does not take along those beside it."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "4"})]
    bench = bench_of(pace=Pace(max_age=60.0))
    bench.track("young", context=Asked())
    bench.track("old", tracked_at=time.monotonic() - 57)
    bench.track("younger")

    assert bench.flusher.flush(PATIENCE)

    assert bench.counts == {"delivered": 2, "expired": 1}
    assert [post.names for post in collector.posts] == [
        ["young", "old", "younger"],
        ["young", "younger"],
    ]
    keys = {post.headers["idempotency-key"] for post in collector.posts}
    assert len(keys) == 2


@pytest.mark.parametrize("step", [-86_400.0, 86_400.0])
def test_a_wall_clock_that_is_set_changes_nothing(
    collector: FaultyCollector,
    bench_of: Callable[..., Bench],
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
    step: float,
) -> None:
    """A day back or forth in the middle neither expires, nor delays, nor hurries an event."""
    pause = {
        "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
        "Retry-After": "Sun, 22 Nov 2026 10:00:01 GMT",
    }
    collector.answers = [Answer(status=503, headers=pause)]
    bench = bench_of(interval=0.2)
    bench.track("before")
    present = time.time
    monkeypatch.setattr(time, "time", lambda: present() + step)
    monkeypatch.setattr(time, "time_ns", lambda: int((present() + step) * 1e9))
    bench.track("after")

    eventually(lambda: bench.counts == {"delivered": 2})

    waited = collector.posts[1].at - collector.posts[0].at
    assert 1.0 <= waited < PATIENCE


def test_an_event_that_cant_be_sealed_is_counted(bench_of: Callable[..., Bench]) -> None:
    """A fault of ours costs one event, which is counted, and no other."""

    def seal(event: PendingEvent) -> bytes:
        assert event.name == "good"
        return b'{"id":"x","event":"good"}'

    bench = bench_of(seal=seal)
    bench.track("bad")
    bench.track("good")

    assert bench.flusher.flush(PATIENCE)
    assert bench.counts == {"delivered": 1, "unsealed": 1}
    assert bench.guard.counts == {"seal": 1}


def test_close_sends_what_waits(
    collector: FaultyCollector, bench_of: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    """Closing delivers the rest; events that come after it are refused, counted and logged."""
    bench = bench_of(interval=60.0)
    bench.track("a", context=Asked())

    assert bench.flusher.close(PATIENCE) == 0
    assert not bench.track("late")

    assert collector.names == ["a"]
    assert bench.counts == {"delivered": 1, "closed": 1}
    assert caplog.messages == ["an event is lost, closed: it was tracked after close()"]


def test_close_ends_in_time_and_counts_what_is_left(
    collector: FaultyCollector, bench_of: Callable[..., Bench]
) -> None:
    """With a collector that hangs, closing takes its seconds and no more."""
    collector.answers = [Answer(delay=20.0)]
    bench = bench_of(interval=60.0)
    bench.track("a")
    bench.track("b")
    start = time.monotonic()

    assert bench.flusher.close(0.3) == 2

    assert time.monotonic() - start < 10
    assert bench.counts == {"exit": 2}


def test_a_late_answer_settles_nothing_twice(
    collector: FaultyCollector, bench_of: Callable[..., Bench], eventually: Eventually
) -> None:
    """What was given up at the close stays given up, whatever the collector says later."""
    late = threading.Event()
    collector.answers = [Answer(due=late)]
    bench = bench_of(interval=0.01)
    bench.track("a")
    eventually(lambda: collector.posts)

    assert bench.flusher.close(0.1) == 1
    late.set()
    eventually(lambda: bench.flusher.finished)

    assert bench.counts == {"exit": 1}


def test_close_without_an_event_is_at_once(bench_of: Callable[..., Bench]) -> None:
    """A flusher that was never born has nothing to wait for."""
    start = time.monotonic()

    assert bench_of().flusher.close(20.0) == 0
    assert time.monotonic() - start < 10


def test_the_callers_context_is_not_kept(bench_of: Callable[..., Bench]) -> None:
    """Neither the thread nor its loop keeps what the caller's contextvars held."""

    class Held:
        """Something large of the app."""

    variable: contextvars.ContextVar[Held] = contextvars.ContextVar("variable")
    bench = bench_of(interval=60.0)

    def track() -> weakref.ref[Held]:
        held = Held()
        variable.set(held)
        bench.track("first")
        assert bench.flusher.flush(PATIENCE)
        bench.track("second")
        return weakref.ref(held)

    reference = contextvars.copy_context().run(track)
    gc.collect()

    assert reference() is None


def test_no_executor_is_used(
    collector: FaultyCollector, bench_of: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Host names are resolved without asyncio's executor, which is gone at exit."""

    class NoExecutorLoop(OwnResolverLoop):
        def run_in_executor(self, *_: Any) -> Any:  # type: ignore[override]  # takes anything
            raise AssertionError("the executor was used")

    assert "localhost" in collector.url
    monkeypatch.setattr(flusher_module, "OwnResolverLoop", NoExecutorLoop)
    bench = bench_of()
    bench.track("a")

    assert bench.flusher.flush(PATIENCE)
    assert bench.counts == {"delivered": 1}


def test_names_of_addresses_need_no_executor() -> None:
    """The loop looks up the name of an address by itself."""
    loop = OwnResolverLoop()
    try:
        host, port = loop.run_until_complete(loop.getnameinfo(("127.0.0.1", 80), flags=3))
    finally:
        loop.close()

    assert (host, port) == ("127.0.0.1", "80")


def test_a_broken_transport_does_not_end_the_flusher(
    bench_of: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    """A transport that raises, against its contract, is tried again like any other failure."""

    class Broken:
        """Fails once."""

        calls = 0

        async def send(self, batch: Batch, *, seconds: float) -> Delivered:  # noqa: ARG002
            """Raise, then deliver."""
            self.calls += 1
            if self.calls == 1:
                raise RuntimeError("broken")
            return Delivered()

        async def close(self) -> None:
            """Do nothing."""

    bench = bench_of(transport=Broken())
    bench.track("a")

    assert bench.flusher.flush(PATIENCE)
    assert bench.counts == {"delivered": 1}
    assert "RuntimeError('broken')" in caplog.text


def test_threads_lose_nothing(collector: FaultyCollector, bench_of: Callable[..., Bench]) -> None:
    """Events tracked by many threads at once arrive once each."""
    bench = bench_of(interval=0.05)

    def track(thread: int) -> None:
        for index in range(500):
            bench.track(f"{thread}-{index}")

    threads = [threading.Thread(target=track, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bench.flusher.flush(PATIENCE)
    assert bench.counts == {"delivered": 4000}
    assert len(collector.names) == len(set(collector.names)) == 4000


def test_no_loop_is_visible_to_the_app(bench_of: Callable[..., Bench]) -> None:
    """The flusher's loop runs on its own thread; the app's thread has none."""
    bench = bench_of()
    bench.track("a")
    assert bench.flusher.flush(PATIENCE)

    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
    assert logging.getLogger("asyncio").level == logging.NOTSET


def test_close_does_not_wait_where_nothing_can_be_tried(
    collector: FaultyCollector, bench_of: Callable[..., Bench], eventually: Eventually
) -> None:
    """A collector that refuses the token, or wants to be left alone, holds up no exit."""
    collector.answers = [Answer(status=401), Answer(status=401)]
    bench = bench_of(interval=0.01)
    bench.track("a")
    eventually(lambda: bench.guard.counts)
    start = time.monotonic()

    assert bench.flusher.close(20.0) == 1

    assert time.monotonic() - start < 10


def test_close_tries_once_more_at_once(
    collector: FaultyCollector, bench_of: Callable[..., Bench], eventually: Eventually
) -> None:
    """However long the next try is off, a close makes one: the collector may be back."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "60"})]
    bench = bench_of(interval=0.01)
    bench.track("a")
    eventually(lambda: bench.guard.counts)

    assert bench.flusher.close(PATIENCE) == 0
    assert bench.counts == {"delivered": 1}


def test_close_tries_on_while_there_is_time(
    collector: FaultyCollector, bench_of: Callable[..., Bench]
) -> None:
    """A collector that fails a few times more still gets the events within the deadline."""
    collector.answers = [Answer(status=503)] * 3
    bench = bench_of(interval=60.0)
    bench.track("a")

    assert bench.flusher.close(PATIENCE) == 0
    assert len(collector.posts) == 4


def test_an_overflow_is_said(
    collector: FaultyCollector,
    bench_of: Callable[..., Bench],
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Events that go because the queue is full are told in one line, by the flusher."""
    collector.answers = [Answer(status=503)]
    bench = bench_of(interval=0.01, pace=Pace(first_delay=1e9, max_delay=1e9))
    bench.track("first")
    eventually(lambda: bench.guard.counts)
    for index in range(10_100):
        bench.track(str(index))

    assert bench.flusher.flush(PATIENCE)

    assert bench.counts == {"delivered": 10_000, "overflow": 101}
    [line] = [line for line in caplog.messages if line.startswith("the queue is full: ")]
    assert line.endswith(" events are lost so far, the oldest first")


def test_sealing_goes_on_while_the_collector_hangs(
    collector: FaultyCollector, bench_of: Callable[..., Bench], eventually: Eventually
) -> None:
    """An event lets go of its request after a second at most, whatever the collector does."""
    collector.answers = [Answer(delay=20.0), Answer(status=503, headers={"Retry-After": "60"})]
    bench = bench_of(interval=0.01)
    bench.track("hangs")
    eventually(lambda: collector.posts)
    running, ended = Asked(), Asked()
    bench.track("running", context=running)
    bench.track("ended", context=ended)
    ended.finish()
    requests = weakref.ref(running), weakref.ref(ended)
    del running, ended

    eventually(lambda: [request() for request in requests] == [None, None])

    assert len(collector.posts) == 1
    assert bench.counts == {"waiting": 3}


def test_sealing_gives_way(bench_of: Callable[..., Bench], eventually: Eventually) -> None:
    """Events that take long to seal are sealed one by one: the app's threads wait meanwhile."""
    order: list[str] = []

    def seal(event: PendingEvent) -> bytes:
        order.append("seals")
        asyncio.get_running_loop().call_soon(order.append, "gives way")
        time.sleep(SLICE_SECONDS)
        return b'{"id":"%s","event":"x"}' % event.id.encode()

    bench = bench_of(interval=0.01, seal=seal)
    for index in range(10):
        bench.track(str(index))

    eventually(lambda: bench.counts == {"delivered": 10})
    assert order == ["seals", "gives way"] * 10


def test_sending_does_not_wait_for_slow_sealing(
    bench_of: Callable[..., Bench], eventually: Eventually
) -> None:
    """Where sealing never comes to an end, what is sealed leaves all the same."""

    def seal(event: PendingEvent) -> bytes:
        bench.track("another")
        bench.track("and another")
        time.sleep(0.01)
        return b'{"id":"%s","event":"x"}' % event.id.encode()

    bench = bench_of(interval=0.01, seal=seal)
    bench.track("first")

    eventually(lambda: bench.counts.get("delivered"))
    assert bench.counts["delivered"] < BATCH_EVENTS


def test_a_close_leaves_time_to_send(bench_of: Callable[..., Bench]) -> None:
    """A hook that is slow for each of many events costs the events that there is no time for."""

    def seal(event: PendingEvent) -> bytes:
        time.sleep(0.1)
        return b'{"id":"%s","event":"x"}' % event.id.encode()

    bench = bench_of(interval=60.0, seal=seal)
    for index in range(400):
        bench.track(str(index))

    assert bench.flusher.close(10.0)
    assert bench.counts.get("delivered")


def test_a_flush_changes_nothing_for_later_events(
    collector: FaultyCollector, bench_of: Callable[..., Bench], eventually: Eventually
) -> None:
    """After a flush events wait for their requests to end again, as they did before it."""
    bench = bench_of(interval=0.05)
    bench.track("before", context=Asked())
    assert bench.flusher.flush(PATIENCE)
    request = Asked()
    bench.track("after", context=request)
    bench.track("free")

    eventually(lambda: "free" in collector.names)
    assert collector.names == ["before", "free"]
    request.finish()
    eventually(lambda: collector.names == ["before", "free", "after"])


def test_first_events_of_many_threads_start_one_flusher(
    bench_of: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that track at once, before there is a flusher, get one and lose nothing."""
    births: list[object] = []
    start = _thread.start_new_thread

    def slow_start(run: MethodType, arguments: tuple[Any, ...]) -> int:
        births.append(run.__self__)
        time.sleep(0.05)
        return start(run, arguments)

    threads = [threading.Thread(target=lambda: bench.track("x")) for _ in range(8)]
    bench = bench_of(interval=0.01)
    monkeypatch.setattr(_thread, "start_new_thread", slow_start)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bench.flusher.flush(PATIENCE)
    assert births.count(bench.flusher) == 1
    assert bench.counts == {"delivered": 8}


def test_a_thread_that_cant_start_is_tried_again(
    bench_of: Callable[..., Bench],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where no thread is to be had nobody waits for it, and the next event tries again."""

    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    bench = bench_of(interval=0.01)
    with monkeypatch.context() as patch:
        patch.setattr(_thread, "start_new_thread", refuse)
        bench.track("a")
        begin = time.monotonic()
        assert not bench.flusher.flush(20.0)
        assert time.monotonic() - begin < 10
    bench.track("b")

    assert bench.flusher.flush(PATIENCE)
    assert bench.counts == {"delivered": 2}
    assert "can't start new thread" in caplog.text


@contextmanager
def no_descriptor() -> Iterator[None]:
    """Let this process open no file."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_loop_that_cant_be_made_is_tried_again(
    bench_of: Callable[..., Bench], eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no file can be opened at the first event, the next one brings delivery to life."""
    bench = bench_of(interval=0.01)
    with no_descriptor():
        bench.track("a")
        eventually(lambda: "birth" in bench.guard.counts)
    bench.track("b")

    assert bench.flusher.flush(PATIENCE)
    assert bench.counts == {"delivered": 2}
    assert "Too many open files" in caplog.text


def test_who_asks_for_no_pause_is_not_hammered(
    collector: FaultyCollector, bench_of: Callable[..., Bench]
) -> None:
    """A collector that fails and says to come back at once is left alone all the same."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "0"})] * 1000
    bench = bench_of(interval=0.01)
    bench.track("a")

    assert not bench.flusher.flush(1.0)
    assert len(collector.posts) < 50


@pytest.mark.parametrize("call", ["flush", "close"])
def test_a_hook_that_flushes_does_not_wait_for_itself(
    bench_of: Callable[..., Bench], call: str
) -> None:
    """On the flusher's own thread, where the app's hook runs, nothing is waited for."""
    took: list[float] = []

    def seal(event: PendingEvent) -> bytes:
        begin = time.monotonic()
        getattr(bench.flusher, call)(20.0)
        took.append(time.monotonic() - begin)
        return b'{"id":"%s","event":"x"}' % event.id.encode()

    bench = bench_of(interval=0.01, seal=seal)
    bench.track("a")
    bench.flusher.flush(PATIENCE)

    assert took[0] < 10.0


def test_a_fault_of_ours_does_not_end_the_delivery(
    bench_of: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails on the flusher's thread is counted, and the next turn goes on."""
    monkeypatch.setattr(scheduler_module, "FAULT_SECONDS", 0.01)
    bench = bench_of(interval=0.01)
    cut = Outbox.cut

    def fail_once(_: Outbox) -> None:
        monkeypatch.setattr(Outbox, "cut", cut)
        raise ValueError("a fault of ours")

    monkeypatch.setattr(Outbox, "cut", fail_once)
    bench.track("a")

    assert bench.flusher.flush(PATIENCE)
    assert bench.counts == {"delivered": 1}
    assert bench.guard.counts == {"flusher": 1}


def test_a_flush_is_never_early(bench_of: Callable[..., Bench]) -> None:
    """Whatever the threads' timing, an event that was tracked before a flush is settled after."""
    bench = bench_of(interval=60.0, transport=Instant())
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for count in range(1, 1501):
            bench.track("x")
            assert bench.flusher.flush(PATIENCE)
            assert bench.counts == {"delivered": count}
    finally:
        sys.setswitchinterval(interval)
