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

from sqreen_mw.agent.delivery import flusher as flusher_module
from sqreen_mw.agent.delivery.batch import BATCH_EVENTS, Batch
from sqreen_mw.agent.delivery.interfaces import Delivered, Transport
from sqreen_mw.agent.delivery.retry import RetryPolicy
from sqreen_mw.agent.delivery.scheduler import SLICE_SECONDS
from sqreen_mw.agent.delivery.sender import BatchSender
from sqreen_mw.agent.delivery.transports.dns import OwnResolverLoop
from sqreen_mw.agent.delivery.transports.http import HttpTransport
from sqreen_mw.agent.sealing import PendingEvent
from tests.support.faulty_collector import Answer, FaultyCollector
from tests.support.flusher_harness import (
    DEFAULT_RETRY,
    Eventually,
    FlusherHarness,
    InstantTransport,
    MakeFlusher,
)
from tests.support.samples import StubRequest
from tests.support.waiting import PATIENCE, wait_until


@pytest.fixture
def flusher_to(collector: FaultyCollector) -> Iterator[MakeFlusher]:
    """Return a function that makes a flusher for the collector; all are closed at the end."""
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


def test_events_of_one_interval_leave_in_one_batch(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """A batch leaves one interval after its first event."""
    harness = flusher_to(interval=60.0)
    for name in "abc":
        harness.track(name)
    harness.clock.skip(59.0)
    assert harness.counts == {"waiting": 3}
    harness.clock.skip(1.0)

    eventually(lambda: harness.counts == {"delivered": 3})
    assert [post.names for post in collector.posts] == [["a", "b", "c"]]


@pytest.mark.slow
def test_full_batch_leaves_at_once(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """500 events do not wait for the interval; the others do."""
    harness = flusher_to(interval=60.0)
    for index in range(510):
        harness.track(str(index))

    eventually(lambda: harness.counts == {"delivered": 500, "waiting": 10})

    assert [len(post.names) for post in collector.posts] == [500]


def test_batches_stay_below_the_wire_limit(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
    """Large events are spread over several batches of at most 1 MiB."""
    harness = flusher_to(interval=60.0)
    for index in range(40):
        harness.track(str(index), properties={str(i): "é" * 1900 for i in range(15)})

    assert harness.flusher.flush(PATIENCE)
    assert [len(post.names) for post in collector.posts] == [18, 18, 4]
    assert collector.names == [str(index) for index in range(40)]


def test_flush_delivers_earlier_events(collector: FaultyCollector, flusher_to: MakeFlusher) -> None:
    """A flush returns once all earlier events are delivered, long before the interval ends."""
    harness = flusher_to(interval=60.0)
    assert harness.flusher.flush(PATIENCE)
    for index in range(1200):
        harness.track(str(index))

    assert harness.flusher.flush(PATIENCE)
    assert harness.counts == {"delivered": 1200}
    assert collector.names == [str(index) for index in range(1200)]
    assert harness.flusher.flush(PATIENCE)


def test_flush_seals_events_of_running_requests(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
    """A flush also seals the events of requests that still run."""
    harness = flusher_to(interval=60.0)
    harness.track("x", context=StubRequest())

    assert harness.flusher.flush(PATIENCE)
    assert collector.names == ["x"]


def test_events_wait_for_their_request_at_most_a_second(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """An event waits for its request to end, but not forever, and delays no other event."""
    harness = flusher_to(interval=0.01)
    harness.clock.freeze()
    ended, endless = StubRequest(), StubRequest()
    harness.track("endless", context=endless)
    harness.track("ended", context=ended)
    harness.track("free")
    harness.clock.skip(0.5)
    eventually(lambda: collector.names == ["free"])
    ended.finish()
    harness.clock.skip(0.2)
    eventually(lambda: collector.names == ["free", "ended"])
    harness.clock.skip(0.5)
    eventually(lambda: collector.names == ["free", "ended", "endless"])


@pytest.mark.slow
def test_flush_returns_false_on_timeout(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
    """With a collector that hangs, the caller waits only as long as it asked."""
    collector.answers = [Answer(delay=20.0)]
    harness = flusher_to()
    harness.track("x")
    start = time.monotonic()

    assert not harness.flusher.flush(0.2)
    assert 0.2 <= time.monotonic() - start < 10
    assert harness.counts == {"waiting": 1}


def test_failed_batch_is_sent_again_unchanged(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A batch keeps its events and its id over retries; newer events come after it."""
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
    """The next try comes when the collector asked for it."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "600"})]
    harness = flusher_to(interval=0.05)
    harness.track("a")
    eventually(lambda: harness.guard.counts)
    harness.clock.skip(500.0)
    assert len(collector.posts) == 1
    harness.clock.skip(100.0)

    eventually(lambda: harness.counts == {"delivered": 1})
    assert len(collector.posts) == 2


@pytest.mark.parametrize(
    "answer", [Answer(status=429, headers={"Retry-After": "60"}), Answer(status=401)]
)
def test_flush_does_not_shorten_a_pause(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually, answer: Answer
) -> None:
    """However often the app flushes, a collector gets the pause that it asked for."""
    collector.answers = [answer]
    harness = flusher_to(interval=60.0)
    harness.track("a")
    harness.flusher.flush(0.0)
    eventually(lambda: harness.guard.counts)

    assert not any(harness.flusher.flush(0.01) for _ in range(5))
    assert len(collector.posts) == 1
    harness.clock.skip(60.0)
    assert harness.flusher.flush(PATIENCE)

    assert len(collector.posts) == 2
    assert harness.counts == {"delivered": 1}


def test_flush_skips_our_own_backoff(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """If the collector asked for no pause, a flush sends at once."""
    collector.answers = [Answer(status=503)]
    harness = flusher_to(interval=0.01, retry=RetryPolicy(first_delay=1e9, max_delay=1e9))
    harness.track("a")
    eventually(lambda: harness.guard.counts)

    assert harness.flusher.flush(20.0)

    assert harness.counts == {"delivered": 1}


def test_too_large_batch_is_halved(collector: FaultyCollector, flusher_to: MakeFlusher) -> None:
    """413 halves a batch until it fits; a single event that does not fit is dropped and counted."""
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


def test_refused_token_keeps_the_events(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """401 pauses the sending for a minute with one log line, and no event is lost."""
    collector.answers = [Answer(status=401, body=b"unknown token")]
    harness = flusher_to()
    harness.track("a")
    assert not harness.flusher.flush(0.0)
    eventually(lambda: caplog.messages)
    assert harness.counts == {"waiting": 1}
    harness.clock.skip(60.0)

    eventually(lambda: harness.counts == {"delivered": 1})
    assert len(collector.posts) == 2
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
    """Events that the collector never accepts are dropped, counted by reason and logged."""
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


def test_old_events_expire(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """An event that is too old is dropped and counted, in the queue and in a batch."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "3600"})]
    harness = flusher_to()
    harness.track("queued", tracked_at=harness.clock() - 3601)
    harness.track("batched")
    harness.flusher.flush(0.0)
    eventually(lambda: "undelivered" in harness.guard.counts)
    harness.clock.skip(3601)

    eventually(lambda: harness.counts == {"expired": 2})
    assert collector.names == ["batched"]


def test_young_events_of_a_batch_outlive_its_old_ones(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """Each event has its own age: an old one does not take its batch along."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "1800"})]
    harness = flusher_to()
    harness.track("young", context=StubRequest())
    harness.track("old", tracked_at=harness.clock() - 2700)
    harness.track("younger")
    harness.flusher.flush(0.0)
    eventually(lambda: harness.guard.counts)
    harness.clock.skip(1801)

    eventually(lambda: harness.counts == {"delivered": 2, "expired": 1})
    assert [post.names for post in collector.posts] == [
        ["young", "old", "younger"],
        ["young", "younger"],
    ]
    keys = {post.headers["idempotency-key"] for post in collector.posts}
    assert len(keys) == 2


@pytest.mark.parametrize("step", [-86_400.0, 86_400.0])
def test_wall_clock_changes_do_not_matter(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
    step: float,
) -> None:
    """A day back or forth neither expires nor delays nor hurries an event."""
    pause = {
        "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
        "Retry-After": "Sun, 22 Nov 2026 10:10:00 GMT",
    }
    collector.answers = [Answer(status=503, headers=pause)]
    harness = flusher_to(interval=0.2)
    harness.track("before")
    present = time.time
    monkeypatch.setattr(time, "time", lambda: present() + step)
    monkeypatch.setattr(time, "time_ns", lambda: int((present() + step) * 1e9))
    harness.track("after")
    eventually(lambda: harness.guard.counts)
    harness.clock.skip(500.0)
    assert harness.counts == {"waiting": 2}
    harness.clock.skip(100.0)

    eventually(lambda: harness.counts == {"delivered": 2})
    assert len(collector.posts) == 2


def test_unsealable_event_is_counted(flusher_to: MakeFlusher) -> None:
    """An error of ours costs one event, which is counted, and no other."""

    def seal(event: PendingEvent) -> bytes:
        assert event.name == "good"
        return b'{"id":"x","event":"good"}'

    harness = flusher_to(seal=seal)
    harness.track("bad")
    harness.track("good")

    assert harness.flusher.flush(PATIENCE)
    assert harness.counts == {"delivered": 1, "unsealed": 1}
    assert harness.guard.counts == {"seal": 1}


def test_close_sends_queued_events(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Closing delivers the queue; later events are refused, counted and logged."""
    harness = flusher_to(interval=60.0)
    harness.track("a", context=StubRequest())

    assert harness.flusher.close(PATIENCE) == 0
    assert not harness.track("late")

    assert collector.names == ["a"]
    assert harness.counts == {"delivered": 1, "closed": 1}
    assert caplog.messages == ["an event is lost, closed: it was tracked after close()"]


def test_close_ends_in_time_and_counts_the_rest(
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


def test_answer_after_the_close_changes_no_count(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """Events given up by a close stay given up, whatever the collector answers later."""
    late = threading.Event()
    collector.answers = [Answer(due=late)]
    harness = flusher_to(interval=0.01)
    harness.track("a")
    eventually(lambda: collector.posts)

    assert harness.flusher.close(0.1) == 1
    late.set()
    eventually(lambda: harness.flusher.finished)

    assert harness.counts == {"exit": 1}


def test_close_without_events_returns_at_once(flusher_to: MakeFlusher) -> None:
    """A flusher without a thread has nothing to wait for."""
    start = time.monotonic()

    assert flusher_to().flusher.close(20.0) == 0
    assert time.monotonic() - start < 10


def test_context_of_the_caller_is_not_kept(flusher_to: MakeFlusher) -> None:
    """Neither the thread nor its loop keeps values of the caller's contextvars alive."""

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


def test_executor_is_not_used(
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


def test_reverse_lookup_needs_no_executor() -> None:
    """The loop resolves an address by itself."""
    loop = OwnResolverLoop()
    try:
        host, port = loop.run_until_complete(loop.getnameinfo(("127.0.0.1", 80), flags=3))
    finally:
        loop.close()

    assert (host, port) == ("127.0.0.1", "80")


def test_transport_that_raises_is_retried(
    flusher_to: MakeFlusher, caplog: pytest.LogCaptureFixture
) -> None:
    """A transport that raises is tried again like any other failure."""

    class Broken:
        """Fails once."""

        calls = 0

        async def send(self, batch: Batch, *, seconds: float) -> Delivered:
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


def test_events_of_many_threads_arrive_once(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
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


def test_loop_is_not_visible_to_the_app(flusher_to: MakeFlusher) -> None:
    """The flusher's loop runs on its own thread; the app's thread has none."""
    harness = flusher_to()
    harness.track("a")
    assert harness.flusher.flush(PATIENCE)

    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
    assert logging.getLogger("asyncio").level == logging.NOTSET


def test_close_does_not_wait_for_a_paused_collector(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """A collector that refuses the token or asks for a pause does not delay the exit."""
    collector.answers = [Answer(status=401), Answer(status=401)]
    harness = flusher_to(interval=0.01)
    harness.track("a")
    eventually(lambda: harness.guard.counts)
    start = time.monotonic()

    assert harness.flusher.close(20.0) == 1

    assert time.monotonic() - start < 10


def test_close_sends_once_even_if_paused(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """However far the next try is, a close sends once: the collector may be back."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "60"})]
    harness = flusher_to(interval=0.01)
    harness.track("a")
    eventually(lambda: harness.guard.counts)

    assert harness.flusher.close(PATIENCE) == 0
    assert harness.counts == {"delivered": 1}


def test_close_retries_while_there_is_time(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
    """A collector that fails a few times still gets the events before the deadline."""
    collector.answers = [Answer(status=503)] * 3
    harness = flusher_to(interval=60.0)
    harness.track("a")

    assert harness.flusher.close(PATIENCE) == 0
    assert len(collector.posts) == 4


@pytest.mark.slow
def test_overflow_is_logged_once(
    collector: FaultyCollector,
    flusher_to: MakeFlusher,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Events dropped because the queue is full are logged in one line."""
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


@pytest.mark.slow
def test_sealing_continues_while_the_collector_hangs(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """An event releases its request after at most a second, whatever the collector does."""
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
    harness.clock.skip(1.0)

    eventually(lambda: [request() for request in requests] == [None, None])

    assert len(collector.posts) == 1
    assert harness.counts == {"waiting": 3}


def test_sealing_yields_between_slices(flusher_to: MakeFlusher, eventually: Eventually) -> None:
    """Events that are slow to seal are sealed one by one, and the loop runs in between."""
    order: list[str] = []

    def seal(event: PendingEvent) -> bytes:
        order.append("seals")
        asyncio.get_running_loop().call_soon(order.append, "gives way")
        harness.clock.skip(SLICE_SECONDS)
        return b'{"id":"%s","event":"x"}' % event.id.encode()

    harness = flusher_to(interval=0.01, seal=seal)
    for index in range(10):
        harness.track(str(index))

    eventually(lambda: harness.counts == {"delivered": 10})
    assert order == ["seals", "gives way"] * 10


def test_sending_does_not_wait_for_slow_sealing(
    flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """If sealing never ends, sealed events leave all the same."""

    def seal(event: PendingEvent) -> bytes:
        harness.track("another")
        harness.track("and another")
        harness.clock.skip(0.01)
        return b'{"id":"%s","event":"x"}' % event.id.encode()

    harness = flusher_to(interval=0.01, seal=seal)
    harness.track("first")

    eventually(lambda: harness.counts.get("delivered"))
    assert harness.counts["delivered"] < BATCH_EVENTS


def test_close_leaves_time_to_send(flusher_to: MakeFlusher) -> None:
    """With a slow hook, a close still delivers the events that it had time to seal."""

    def seal(event: PendingEvent) -> bytes:
        harness.clock.skip(0.1)
        return b'{"id":"%s","event":"x"}' % event.id.encode()

    harness = flusher_to(interval=60.0, seal=seal, transport=InstantTransport())
    for index in range(400):
        harness.track(str(index))

    assert harness.flusher.close(10.0)
    assert harness.counts.get("delivered")


@pytest.mark.slow
def test_close_leaves_time_to_send_over_a_connection(
    collector: FaultyCollector, flusher_to: MakeFlusher
) -> None:
    """The same with a hook that takes real time and a real collector."""

    def seal(event: PendingEvent) -> bytes:
        threading.Event().wait(0.02)
        return b'{"id":"%s","event":"x"}' % event.id.encode()

    harness = flusher_to(interval=60.0, seal=seal)
    for index in range(400):
        harness.track(str(index))

    assert harness.flusher.close(2.0)
    assert harness.counts["delivered"] > 20  # a slice has at most 13


def test_flush_does_not_affect_later_events(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """After a flush, events wait for their requests to end again."""
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


def test_first_events_of_many_threads_start_one_thread(
    flusher_to: MakeFlusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that track the first events at once start one thread and lose nothing."""
    births: list[object] = []
    tracked: list[bool] = []
    start = _thread.start_new_thread

    def slow_start(run: MethodType, arguments: tuple[Any, ...]) -> int:
        births.append(run.__self__)
        wait_until(lambda: len(tracked) >= 7)
        return start(run, arguments)

    threads = [
        threading.Thread(target=lambda: tracked.append(harness.track("x"))) for _ in range(8)
    ]
    harness = flusher_to(interval=0.01)
    monkeypatch.setattr(_thread, "start_new_thread", slow_start)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert harness.flusher.flush(PATIENCE)
    assert births.count(harness.flusher) == 1
    assert harness.counts == {"delivered": 8}


def test_thread_start_is_tried_again(
    flusher_to: MakeFlusher,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """If no thread can start, the caller does not wait, and the next event tries again."""

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
    """Take the last file descriptors away from this process."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_loop_creation_is_tried_again(
    flusher_to: MakeFlusher,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """If no file can be opened at the first event, the next one starts delivery."""
    harness = flusher_to(interval=0.01)
    with no_descriptor():
        harness.track("a")
        eventually(lambda: "delivery_start" in harness.guard.counts)
    harness.track("b")

    assert harness.flusher.flush(PATIENCE)
    assert harness.counts == {"delivered": 2}
    assert "Too many open files" in caplog.text


def test_retry_after_zero_still_backs_off(
    collector: FaultyCollector, flusher_to: MakeFlusher, eventually: Eventually
) -> None:
    """A collector that fails with Retry-After 0 is not tried again at once."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "0"})]
    harness = flusher_to(interval=0.01, retry=RetryPolicy(first_delay=1e9, max_delay=1e9))
    harness.track("a")
    eventually(lambda: harness.guard.counts)
    harness.track("b")
    harness.clock.skip(1.0)

    eventually(lambda: harness.flusher.queue.pending.events)
    assert len(collector.posts) == 1
    assert harness.counts == {"waiting": 2}


@pytest.mark.parametrize("call", ["flush", "close"])
def test_flush_in_a_hook_does_not_wait_for_itself(flusher_to: MakeFlusher, call: str) -> None:
    """On the flusher's own thread, flush and close return without waiting."""
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


def test_error_of_ours_does_not_end_the_delivery(
    flusher_to: MakeFlusher, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error on the flusher's thread is counted, and a later turn goes on."""
    harness = flusher_to(interval=0.01)
    next_from_memory = BatchSender.next_from_memory

    def fail_once(_: BatchSender) -> None:
        monkeypatch.setattr(BatchSender, "next_from_memory", next_from_memory)
        raise ValueError("an error of ours")

    monkeypatch.setattr(BatchSender, "next_from_memory", fail_once)
    harness.track("a")
    eventually(lambda: harness.guard.counts == {"flusher": 1})
    harness.clock.skip(1.0)

    assert harness.flusher.flush(PATIENCE)
    assert harness.counts == {"delivered": 1}
    assert harness.guard.counts == {"flusher": 1}


@pytest.mark.slow
def test_flush_waits_for_every_earlier_event(flusher_to: MakeFlusher) -> None:
    """Whatever the timing of the threads, a flush delivers every event tracked before it."""
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
