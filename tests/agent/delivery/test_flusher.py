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
from sqreen_mw.agent.delivery import driver as driver_module
from sqreen_mw.agent.delivery import flusher as flusher_module
from sqreen_mw.agent.delivery.batch import BATCH_EVENTS, Batch
from sqreen_mw.agent.delivery.retry import RetryPolicy
from sqreen_mw.agent.delivery.scheduler import SLICE_SECONDS
from sqreen_mw.agent.delivery.sender import BatchSender
from sqreen_mw.agent.delivery.transports.base import Delivered, Transport
from sqreen_mw.agent.delivery.transports.dns import OwnResolverLoop
from sqreen_mw.agent.delivery.transports.http import HttpTransport
from sqreen_mw.agent.pending import PendingEvent
from tests.support.faulty_collector import Answer, FaultyCollector
from tests.support.flusher_harness import (
    DEFAULT_RETRY,
    Eventually,
    FlusherHarness,
    InstantTransport,
    MakeFlusher,
)
from tests.support.samples import StubRequest
from tests.support.waiting import PATIENCE


@pytest.fixture
def flusher_to(collector: FaultyCollector) -> Iterator[MakeFlusher]:
    """Return a function that makes a flusher towards the collector; all are closed at the end."""
    harnesses: list[FlusherHarness] = []

    def make(
        *,
        interval: float = 1.0,
        transport: Transport | None = None,
        seal: Callable[[PendingEvent], bytes | None] | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
    ) -> FlusherHarness:
        def open_transport() -> Transport:
            return transport or HttpTransport(url=collector.url, token="t", user_agent="u")

        harness = FlusherHarness(open_transport, interval=interval, seal=seal, retry=retry)
        harnesses.append(harness)
        return harness

    yield make
    for harness in harnesses:
        harness.flusher.close(1.0)


def test_events_wait_for_others_then_leave_together(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """A batch leaves one interval after its first event, not before."""
    harness = flusher_to(interval=2.0)
    start = time.monotonic()
    for name in "abc":
        harness.track(name)

    eventually(lambda: collector.posts)

    assert [post.names for post in collector.posts] == [["a", "b", "c"]]
    assert collector.posts[0].at - start >= 2.0
    eventually(lambda: harness.counts == {"delivered": 3})


def test_a_full_batch_leaves_at_once(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """500 events do not wait for the interval; the rest does."""
    harness = flusher_to(interval=60.0)
    for index in range(510):
        harness.track(str(index))

    eventually(lambda: harness.counts == {"delivered": 500, "waiting": 10})

    assert [len(post.names) for post in collector.posts] == [500]


def test_a_batch_stays_below_the_wire_limit(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
    """Large events are spread over several batches of at most 1 MiB."""
    harness = flusher_to(interval=60.0)
    for index in range(40):
        harness.track(str(index), properties={str(i): "é" * 1900 for i in range(15)})

    assert harness.flusher.flush(PATIENCE)
    assert [len(post.names) for post in collector.posts] == [18, 18, 4]
    assert collector.names == [str(index) for index in range(40)]


def test_flush_waits_for_what_was_tracked(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
    """A flush returns once everything before it is settled, long before the interval is over."""
    harness = flusher_to(interval=60.0)
    assert harness.flusher.flush(PATIENCE)
    for index in range(1200):
        harness.track(str(index))

    assert harness.flusher.flush(PATIENCE)
    assert harness.counts == {"delivered": 1200}
    assert collector.names == [str(index) for index in range(1200)]
    assert harness.flusher.flush(PATIENCE)


def test_flush_takes_events_of_running_requests(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
    """What a running request tracked is sealed by a flush as well."""
    harness = flusher_to(interval=60.0)
    harness.track("x", context=StubRequest())

    assert harness.flusher.flush(PATIENCE)
    assert collector.names == ["x"]


def test_a_running_request_holds_its_events_back(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An event waits for its request to end, but not for ever, and holds no other up."""
    monkeypatch.setattr(pending_module, "SEAL_AFTER", 3.0)
    harness = flusher_to(interval=0.1)
    ended, endless = StubRequest(), StubRequest()
    start = time.monotonic()
    harness.track("endless", context=endless)
    harness.track("ended", context=ended)
    harness.track("free")
    eventually(lambda: collector.names == ["free"])
    ended.finish()
    eventually(lambda: collector.names == ["free", "ended"])
    eventually(lambda: collector.names == ["free", "ended", "endless"])
    assert collector.posts[-1].at - start >= 3.0


def test_a_flush_gives_up_in_time(collector: FaultyCollector, flusher_to: MakeFlusher) -> None:
    """With a collector that hangs, the caller waits no longer than it said."""
    collector.answers = [Answer(delay=20.0)]
    harness = flusher_to()
    harness.track("x")
    start = time.monotonic()

    assert not harness.flusher.flush(0.2)
    assert 0.2 <= time.monotonic() - start < 10
    assert harness.counts == {"waiting": 1}


def test_a_failed_batch_is_sent_again_as_it_was(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A batch keeps its events and its id over retries, and newer events come after it."""
    collector.answers = [Answer(status=503), Answer(status=429, headers={"Retry-After": "0"})]
    harness = flusher_to(interval=0.05)
    harness.track("a")
    eventually(lambda: collector.posts)
    harness.track("b")

    eventually(lambda: harness.counts == {"delivered": 2})

    assert [post.names for post in collector.posts] == [["a"], ["a"], ["a"], ["b"]]
    keys = [post.headers["idempotency-key"] for post in collector.posts]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert "events can't be delivered yet (HTTP 503)" in caplog.messages[0]
    assert len(caplog.messages) == 1


def test_retry_after_is_obeyed(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """The collector is left alone for as long as it asks."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "1"})]
    harness = flusher_to(interval=0.05)
    harness.track("a")

    eventually(lambda: len(collector.posts) == 2)

    assert collector.posts[1].at - collector.posts[0].at >= 1.0


@pytest.mark.parametrize(
    "answer", [Answer(status=429, headers={"Retry-After": "1"}), Answer(status=401)]
)
def test_a_flush_is_no_sooner_than_the_collector_asks(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
    eventually: Eventually,
    answer: Answer,
) -> None:
    """However often a flush is wanted, a collector that asked for a pause has it."""
    collector.answers = [answer]
    harness = flusher_to(interval=60.0, retry=RetryPolicy(misconfigured=1.0))
    harness.track("a")
    harness.flusher.flush(0.0)
    eventually(lambda: harness.guard.counts)

    eventually(lambda: harness.flusher.flush(0.01))

    assert len(collector.posts) == 2
    assert collector.posts[1].at - collector.posts[0].at >= 1.0
    assert harness.counts == {"delivered": 1}


def test_a_flush_cuts_a_pause_of_our_own_short(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """Where the collector asked for nothing, a flush tries at once."""
    collector.answers = [Answer(status=503)]
    harness = flusher_to(interval=0.01, retry=RetryPolicy(first_delay=1e9, max_delay=1e9))
    harness.track("a")
    eventually(lambda: harness.guard.counts)

    assert harness.flusher.flush(20.0)

    assert harness.counts == {"delivered": 1}


def test_a_batch_that_is_too_large_is_halved(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
    """413 halves a batch until it fits; a single event that does not is dropped and counted."""
    too_large = Answer(status=413)
    collector.answers = [too_large, too_large, too_large, Answer(), Answer()]
    harness = flusher_to()
    for name in "abcd":
        harness.track(name)

    assert harness.flusher.flush(PATIENCE)

    assert [post.names for post in collector.posts] == [
        ["a", "b", "c", "d"],
        ["a", "b"],
        ["a"],
        ["b"],
        ["c", "d"],
    ]
    assert harness.counts == {"delivered": 3, "too_large": 1}


def test_a_refused_token_keeps_the_events(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """401 stops sending for a while with one line, and nothing is lost."""
    collector.answers = [Answer(status=401, body=b"unknown token")]
    harness = flusher_to(retry=RetryPolicy(misconfigured=0.3))
    harness.track("a")

    assert harness.flusher.flush(PATIENCE)

    assert collector.posts[1].at - collector.posts[0].at >= 0.3
    assert harness.counts == {"delivered": 1}
    [line] = caplog.messages
    assert line == (
        "the collector accepts no events, check SQREEN_TOKEN "
        "(it answered HTTP 401 unknown token): 1 events wait"
    )


def test_refused_and_rejected_events_are_counted(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What the collector never takes is dropped by reason, and said."""
    rejected = b'{"accepted":1,"rejected":[{"index":0,"code":"c","detail":"bad name"}]}'
    collector.answers = [Answer(status=400, body=b"bad"), Answer(status=202, body=rejected)]
    harness = flusher_to()
    harness.track("a")
    assert harness.flusher.flush(PATIENCE)
    harness.track("b")
    harness.track("c")
    assert harness.flusher.flush(PATIENCE)

    assert harness.counts == {"delivered": 1, "refused": 1, "rejected": 1}
    assert "1 events are lost, refused: HTTP 400 bad" in caplog.text
    assert "1 events are lost, rejected: bad name" in caplog.text


def test_old_events_are_given_up(collector: FaultyCollector, flusher_to: MakeFlusher) -> None:
    """An event that nobody took in time is dropped and counted, in the queue and in a batch."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "4"})]
    harness = flusher_to(retry=RetryPolicy(max_age=3.0))
    harness.track("queued", tracked_at=time.monotonic() - 4)
    harness.track("batched")

    assert harness.flusher.flush(PATIENCE)

    assert harness.counts == {"expired": 2}
    assert collector.names == ["batched"]


def test_younger_events_of_a_batch_outlive_its_old_ones(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
    """Each event has its hour: one that is too old does not take along those beside it."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "4"})]
    harness = flusher_to(retry=RetryPolicy(max_age=60.0))
    harness.track("young", context=StubRequest())
    harness.track("old", tracked_at=time.monotonic() - 57)
    harness.track("younger")

    assert harness.flusher.flush(PATIENCE)

    assert harness.counts == {"delivered": 2, "expired": 1}
    assert [post.names for post in collector.posts] == [
        ["young", "old", "younger"],
        ["young", "younger"],
    ]
    keys = {post.headers["idempotency-key"] for post in collector.posts}
    assert len(keys) == 2


@pytest.mark.parametrize("step", [-86_400.0, 86_400.0])
def test_a_wall_clock_that_is_set_changes_nothing(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
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
    harness = flusher_to(interval=0.2)
    harness.track("before")
    present = time.time
    monkeypatch.setattr(time, "time", lambda: present() + step)
    monkeypatch.setattr(time, "time_ns", lambda: int((present() + step) * 1e9))
    harness.track("after")

    eventually(lambda: harness.counts == {"delivered": 2})

    waited = collector.posts[1].at - collector.posts[0].at
    assert 1.0 <= waited < PATIENCE


def test_an_event_that_cant_be_sealed_is_counted(flusher_to: MakeFlusher) -> None:
    """A fault of ours costs one event, which is counted, and no other."""

    def seal(event: PendingEvent) -> bytes:
        assert event.name == "good"
        return b'{"id":"x","event":"good"}'

    harness = flusher_to(seal=seal)
    harness.track("bad")
    harness.track("good")

    assert harness.flusher.flush(PATIENCE)
    assert harness.counts == {"delivered": 1, "unsealed": 1}
    assert harness.guard.counts == {"seal": 1}


def test_close_sends_what_waits(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Closing delivers the rest; events that come after it are refused, counted and logged."""
    harness = flusher_to(interval=60.0)
    harness.track("a", context=StubRequest())

    assert harness.flusher.close(PATIENCE) == 0
    assert not harness.track("late")

    assert collector.names == ["a"]
    assert harness.counts == {"delivered": 1, "closed": 1}
    assert caplog.messages == ["an event is lost, closed: it was tracked after close()"]


def test_close_ends_in_time_and_counts_what_is_left(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
    """With a collector that hangs, closing takes its seconds and no more."""
    collector.answers = [Answer(delay=20.0)]
    harness = flusher_to(interval=60.0)
    harness.track("a")
    harness.track("b")
    start = time.monotonic()

    assert harness.flusher.close(0.3) == 2

    assert time.monotonic() - start < 10
    assert harness.counts == {"exit": 2}


def test_a_late_answer_settles_nothing_twice(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """What was given up at the close stays given up, whatever the collector says later."""
    late = threading.Event()
    collector.answers = [Answer(due=late)]
    harness = flusher_to(interval=0.01)
    harness.track("a")
    eventually(lambda: collector.posts)

    assert harness.flusher.close(0.1) == 1
    late.set()
    eventually(lambda: harness.flusher.finished)

    assert harness.counts == {"exit": 1}


def test_close_without_an_event_is_at_once(flusher_to: MakeFlusher) -> None:
    """A flusher that was never born has nothing to wait for."""
    start = time.monotonic()

    assert flusher_to().flusher.close(20.0) == 0
    assert time.monotonic() - start < 10


def test_the_callers_context_is_not_kept(flusher_to: MakeFlusher) -> None:
    """Neither the thread nor its loop keeps what the caller's contextvars held."""

    class Held:
        """Something large of the app."""

    variable: contextvars.ContextVar[Held] = contextvars.ContextVar("variable")
    harness = flusher_to(interval=60.0)

    def track() -> weakref.ref[Held]:
        held = Held()
        variable.set(held)
        harness.track("first")
        assert harness.flusher.flush(PATIENCE)
        harness.track("second")
        return weakref.ref(held)

    reference = contextvars.copy_context().run(track)
    gc.collect()

    assert reference() is None


def test_no_executor_is_used(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Host names are resolved without asyncio's executor, which is gone at exit."""

    class NoExecutorLoop(OwnResolverLoop):
        def run_in_executor(self, *_: Any) -> Any:  # type: ignore[override]  # takes anything
            raise AssertionError("the executor was used")

    assert "localhost" in collector.url
    monkeypatch.setattr(flusher_module, "OwnResolverLoop", NoExecutorLoop)
    harness = flusher_to()
    harness.track("a")

    assert harness.flusher.flush(PATIENCE)
    assert harness.counts == {"delivered": 1}


def test_names_of_addresses_need_no_executor() -> None:
    """The loop looks up the name of an address by itself."""
    loop = OwnResolverLoop()
    try:
        host, port = loop.run_until_complete(loop.getnameinfo(("127.0.0.1", 80), flags=3))
    finally:
        loop.close()

    assert (host, port) == ("127.0.0.1", "80")


def test_a_broken_transport_does_not_end_the_flusher(
    flusher_to: MakeFlusher, caplog: pytest.LogCaptureFixture
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

    harness = flusher_to(transport=Broken())
    harness.track("a")

    assert harness.flusher.flush(PATIENCE)
    assert harness.counts == {"delivered": 1}
    assert "RuntimeError('broken')" in caplog.text


def test_threads_lose_nothing(collector: FaultyCollector, flusher_to: MakeFlusher) -> None:
    """Events tracked by many threads at once arrive once each."""
    harness = flusher_to(interval=0.05)

    def track(thread: int) -> None:
        for index in range(500):
            harness.track(f"{thread}-{index}")

    threads = [threading.Thread(target=track, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert harness.flusher.flush(PATIENCE)
    assert harness.counts == {"delivered": 4000}
    assert len(collector.names) == len(set(collector.names)) == 4000


def test_no_loop_is_visible_to_the_app(flusher_to: MakeFlusher) -> None:
    """The flusher's loop runs on its own thread; the app's thread has none."""
    harness = flusher_to()
    harness.track("a")
    assert harness.flusher.flush(PATIENCE)

    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
    assert logging.getLogger("asyncio").level == logging.NOTSET


def test_close_does_not_wait_where_nothing_can_be_tried(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """A collector that refuses the token, or wants to be left alone, holds up no exit."""
    collector.answers = [Answer(status=401), Answer(status=401)]
    harness = flusher_to(interval=0.01)
    harness.track("a")
    eventually(lambda: harness.guard.counts)
    start = time.monotonic()

    assert harness.flusher.close(20.0) == 1

    assert time.monotonic() - start < 10


def test_close_tries_once_more_at_once(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """However long the next try is off, a close makes one: the collector may be back."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "60"})]
    harness = flusher_to(interval=0.01)
    harness.track("a")
    eventually(lambda: harness.guard.counts)

    assert harness.flusher.close(PATIENCE) == 0
    assert harness.counts == {"delivered": 1}


def test_close_tries_on_while_there_is_time(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
    """A collector that fails a few times more still gets the events within the deadline."""
    collector.answers = [Answer(status=503)] * 3
    harness = flusher_to(interval=60.0)
    harness.track("a")

    assert harness.flusher.close(PATIENCE) == 0
    assert len(collector.posts) == 4


def test_an_overflow_is_said(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Events that go because the queue is full are told in one line, by the flusher."""
    collector.answers = [Answer(status=503)]
    harness = flusher_to(interval=0.01, retry=RetryPolicy(first_delay=1e9, max_delay=1e9))
    harness.track("first")
    eventually(lambda: harness.guard.counts)
    for index in range(10_100):
        harness.track(str(index))

    assert harness.flusher.flush(PATIENCE)

    assert harness.counts == {"delivered": 10_000, "overflow": 101}
    [line] = [line for line in caplog.messages if line.startswith("the queue is full: ")]
    assert line.endswith(" events are lost so far, the oldest first")


def test_sealing_goes_on_while_the_collector_hangs(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """An event lets go of its request after a second at most, whatever the collector does."""
    collector.answers = [Answer(delay=20.0), Answer(status=503, headers={"Retry-After": "60"})]
    harness = flusher_to(interval=0.01)
    harness.track("hangs")
    eventually(lambda: collector.posts)
    running, ended = StubRequest(), StubRequest()
    harness.track("running", context=running)
    harness.track("ended", context=ended)
    ended.finish()
    requests = weakref.ref(running), weakref.ref(ended)
    del running, ended

    eventually(lambda: [request() for request in requests] == [None, None])

    assert len(collector.posts) == 1
    assert harness.counts == {"waiting": 3}


def test_sealing_gives_way(flusher_to: MakeFlusher, eventually: Eventually) -> None:
    """Events that take long to seal are sealed one by one: the app's threads wait meanwhile."""
    order: list[str] = []

    def seal(event: PendingEvent) -> bytes:
        order.append("seals")
        asyncio.get_running_loop().call_soon(order.append, "gives way")
        time.sleep(SLICE_SECONDS)
        return b'{"id":"%s","event":"x"}' % event.id.encode()

    harness = flusher_to(interval=0.01, seal=seal)
    for index in range(10):
        harness.track(str(index))

    eventually(lambda: harness.counts == {"delivered": 10})
    assert order == ["seals", "gives way"] * 10


def test_sending_does_not_wait_for_slow_sealing(
    flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """Where sealing never comes to an end, what is sealed leaves all the same."""

    def seal(event: PendingEvent) -> bytes:
        harness.track("another")
        harness.track("and another")
        time.sleep(0.01)
        return b'{"id":"%s","event":"x"}' % event.id.encode()

    harness = flusher_to(interval=0.01, seal=seal)
    harness.track("first")

    eventually(lambda: harness.counts.get("delivered"))
    assert harness.counts["delivered"] < BATCH_EVENTS


def test_a_close_leaves_time_to_send(flusher_to: MakeFlusher) -> None:
    """A hook that is slow for each of many events costs the events that there is no time for."""

    def seal(event: PendingEvent) -> bytes:
        time.sleep(0.1)
        return b'{"id":"%s","event":"x"}' % event.id.encode()

    harness = flusher_to(interval=60.0, seal=seal)
    for index in range(400):
        harness.track(str(index))

    assert harness.flusher.close(10.0)
    assert harness.counts.get("delivered")


def test_a_flush_changes_nothing_for_later_events(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """After a flush events wait for their requests to end again, as they did before it."""
    harness = flusher_to(interval=0.05)
    harness.track("before", context=StubRequest())
    assert harness.flusher.flush(PATIENCE)
    request = StubRequest()
    harness.track("after", context=request)
    harness.track("free")

    eventually(lambda: "free" in collector.names)
    assert collector.names == ["before", "free"]
    request.finish()
    eventually(lambda: collector.names == ["before", "free", "after"])


def test_first_events_of_many_threads_start_one_flusher(
    flusher_to: MakeFlusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that track at once, before there is a flusher, get one and lose nothing."""
    births: list[object] = []
    start = _thread.start_new_thread

    def slow_start(run: MethodType, arguments: tuple[Any, ...]) -> int:
        births.append(run.__self__)
        time.sleep(0.05)
        return start(run, arguments)

    threads = [threading.Thread(target=lambda: harness.track("x")) for _ in range(8)]
    harness = flusher_to(interval=0.01)
    monkeypatch.setattr(_thread, "start_new_thread", slow_start)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert harness.flusher.flush(PATIENCE)
    assert births.count(harness.flusher) == 1
    assert harness.counts == {"delivered": 8}


def test_a_thread_that_cant_start_is_tried_again(
    flusher_to: MakeFlusher,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where no thread is to be had nobody waits for it, and the next event tries again."""

    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    harness = flusher_to(interval=0.01)
    with monkeypatch.context() as patch:
        patch.setattr(_thread, "start_new_thread", refuse)
        harness.track("a")
        begin = time.monotonic()
        assert not harness.flusher.flush(20.0)
        assert time.monotonic() - begin < 10
    harness.track("b")

    assert harness.flusher.flush(PATIENCE)
    assert harness.counts == {"delivered": 2}
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
    flusher_to: MakeFlusher,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where no file can be opened at the first event, the next one brings delivery to life."""
    harness = flusher_to(interval=0.01)
    with no_descriptor():
        harness.track("a")
        eventually(lambda: "birth" in harness.guard.counts)
    harness.track("b")

    assert harness.flusher.flush(PATIENCE)
    assert harness.counts == {"delivered": 2}
    assert "Too many open files" in caplog.text


def test_who_asks_for_no_pause_is_not_hammered(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
    """A collector that fails and says to come back at once is left alone all the same."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "0"})] * 1000
    harness = flusher_to(interval=0.01)
    harness.track("a")

    assert not harness.flusher.flush(1.0)
    assert len(collector.posts) < 50


@pytest.mark.parametrize("call", ["flush", "close"])
def test_a_hook_that_flushes_does_not_wait_for_itself(flusher_to: MakeFlusher, call: str) -> None:
    """On the flusher's own thread, where the app's hook runs, nothing is waited for."""
    took: list[float] = []

    def seal(event: PendingEvent) -> bytes:
        begin = time.monotonic()
        getattr(harness.flusher, call)(20.0)
        took.append(time.monotonic() - begin)
        return b'{"id":"%s","event":"x"}' % event.id.encode()

    harness = flusher_to(interval=0.01, seal=seal)
    harness.track("a")
    harness.flusher.flush(PATIENCE)

    assert took[0] < 10.0


def test_a_fault_of_ours_does_not_end_the_delivery(
    flusher_to: MakeFlusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails on the flusher's thread is counted, and the next turn goes on."""
    monkeypatch.setattr(driver_module, "ERROR_SECONDS", 0.01)
    harness = flusher_to(interval=0.01)
    cut = BatchSender.next_fresh

    def fail_once(_: BatchSender) -> None:
        monkeypatch.setattr(BatchSender, "next_fresh", cut)
        raise ValueError("a fault of ours")

    monkeypatch.setattr(BatchSender, "next_fresh", fail_once)
    harness.track("a")

    assert harness.flusher.flush(PATIENCE)
    assert harness.counts == {"delivered": 1}
    assert harness.guard.counts == {"flusher": 1}


def test_a_flush_is_never_early(flusher_to: MakeFlusher) -> None:
    """Whatever the threads' timing, an event that was tracked before a flush is settled after."""
    harness = flusher_to(interval=60.0, transport=InstantTransport())
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for count in range(1, 1501):
            harness.track("x")
            assert harness.flusher.flush(PATIENCE)
            assert harness.counts == {"delivered": count}
    finally:
        sys.setswitchinterval(interval)
