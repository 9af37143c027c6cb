"""Events that delivery moves to the spool, and takes back."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from sqreen_mw.agent.calls import Stats
from sqreen_mw.agent.delivery.flusher import Flusher
from sqreen_mw.agent.delivery.flusher_config import FlusherConfig
from sqreen_mw.agent.delivery.retry import RetryPolicy
from sqreen_mw.agent.delivery.spool import sqlite_spool as spool_module
from sqreen_mw.agent.delivery.spool.sqlite_spool import Clocks, spool_opener
from sqreen_mw.agent.delivery.transports.http import HttpTransport
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.sealing import PendingEvent
from sqreen_mw.protocol.batch import Envelope
from sqreen_mw.protocol.event_id import new_event_id
from tests.support.clock import JumpingClock
from tests.support.faulty_collector import Answer, FaultyCollector
from tests.support.samples import StubRequest, pending
from tests.support.spool_files import stored_batches
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.slow

AWAY = Answer(status=503, headers={"Retry-After": "60"})
Eventually = Callable[[Callable[[], object]], None]


class App:
    """A process with a spool."""

    def __init__(self, url: str, folder: Path, *, interval: float = 0.1) -> None:
        self.guard = Guard()
        self.clock = JumpingClock()
        opener = spool_opener(
            folder,
            app="shop",
            size=2**26,
            age=3600,
            guard=self.guard,
            clocks=Clocks(monotonic=self.clock),
        )
        config = FlusherConfig(
            open_transport=partial(HttpTransport, url=url, token="t", user_agent="u"),
            seal=seal,
            header=Envelope(app="shop", events=[]),
            interval=interval,
            guard=self.guard,
            put_in_child=lambda _: False,
            open_spool=opener,
            clock=self.clock,
            retry=RetryPolicy(shortest_pause=0.0),
        )
        self.flusher = Flusher(config)
        self.clock.on_jump.append(self.flusher.wake)
        self.ids: list[str] = []

    def track(self, count: int = 1, context: StubRequest | None = None) -> None:
        """Track events."""
        for _ in range(count):
            self.ids.append(new_event_id())
            event = pending(id=self.ids[-1], tracked_at=self.clock(), context=context)
            assert self.flusher.put(event)

    @property
    def stats(self) -> Stats:
        """The counters. They add up."""
        stats = self.flusher.queue.stats(self.guard.counts)
        total = stats.delivered + stats.waiting + sum(stats.dropped.values())
        assert stats.tracked + stats.replayed == total
        return stats


def seal(event: PendingEvent) -> bytes:
    """Return an event as JSON."""
    return f'{{"id":"{event.id}","event":"x"}}'.encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the directory of the spool."""
    return tmp_path / "spool"


@pytest.fixture
def app(collector: FaultyCollector, folder: Path) -> Iterator[Callable[..., App]]:
    """Return a function that makes a process with a spool; all are closed at the end."""
    apps: list[App] = []

    def make(interval: float = 0.1) -> App:
        apps.append(App(collector.url, folder, interval=interval))
        return apps[-1]

    yield make
    for each in apps:
        each.flusher.close(1.0)


def has_batches(folder: Path, count: int) -> bool:
    """Return whether a spool has a number of batches."""
    return stored_batches(folder) == count


def has_posts(collector: FaultyCollector, count: int) -> bool:
    """Return whether a collector was sent so many batches."""
    return len(collector.posts) == count


def test_undelivered_events_are_spooled_and_sent_later(
    collector: FaultyCollector, app: Callable[..., App], folder: Path, eventually: Eventually
) -> None:
    """While the collector is away, events are soon on disk; when it is back, it gets each once."""
    collector.answers = [AWAY]
    one = app()
    one.track(3)
    eventually(lambda: one.stats.spooled == 3)
    one.track(2)
    eventually(lambda: one.stats.spooled == 5)
    assert len(collector.posts) == 1
    assert (one.stats.waiting, one.flusher.queue.waiting) == (5, 0)
    one.clock.skip(60.0)

    eventually(lambda: one.stats.delivered == 5)

    assert [post.ids for post in collector.posts] == [one.ids[:3], one.ids]
    eventually(lambda: stored_batches(folder) == 0)
    assert one.stats.replayed == 0


def test_fast_events_are_spooled_in_whole_batches(
    collector: FaultyCollector, app: Callable[..., App], folder: Path, eventually: Eventually
) -> None:
    """Events sealed in slices are written as one batch, not as twenty."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "60"})]
    one = app(interval=0.5)
    one.track()
    eventually(lambda: one.stats.spooled == 1)
    one.track(500)
    eventually(lambda: one.stats.spooled == 501)

    assert stored_batches(folder) <= 6


def test_wrong_token_spools_as_well(
    collector: FaultyCollector, app: Callable[..., App], eventually: Eventually
) -> None:
    """401 keeps the events, and the spool keeps them longer than the process."""
    collector.answers = [Answer(status=401)]
    one = app()
    one.track()
    eventually(lambda: one.stats.spooled == 1)


def test_unanswered_batch_is_spooled(
    collector: FaultyCollector, app: Callable[..., App], folder: Path, eventually: Eventually
) -> None:
    """An unanswered batch and the events after it are soon on disk; an answer settles the batch."""
    due = threading.Event()
    collector.answers = [Answer(due=due)]
    one = app()
    one.track(2)
    eventually(lambda: stored_batches(folder) == 1)
    one.track()
    eventually(lambda: one.stats.spooled == 3)
    assert (one.stats.waiting, stored_batches(folder)) == (3, 2)
    due.set()

    eventually(lambda: one.stats.delivered == 3)

    assert collector.posts[0].ids == one.ids[:2]
    assert len(collector.posts) == 2
    eventually(lambda: stored_batches(folder) == 0)


def test_answer_in_time_writes_no_file(
    collector: FaultyCollector, app: Callable[..., App], folder: Path, eventually: Eventually
) -> None:
    """While the collector answers, the spool is not used."""
    one = app()
    one.track()
    eventually(lambda: one.stats.delivered == 1)
    assert list(folder.iterdir()) == []
    assert len(collector.posts) == 1


def test_exit_leaves_the_rest_to_the_next_process(
    collector: FaultyCollector, app: Callable[..., App], folder: Path, eventually: Eventually
) -> None:
    """If the collector is away, the exit loses nothing and does not wait for it."""
    collector.answers = [AWAY] * 100
    one = app(interval=60.0)
    one.track(700)
    one.track(context=StubRequest())
    start = time.monotonic()
    assert one.flusher.close(20.0) == 0
    assert time.monotonic() - start < 10
    assert (one.stats.tracked, one.stats.spooled, one.stats.waiting) == (701, 701, 701)
    assert one.stats.dropped == {}

    collector.answers = []
    collector.posts.clear()
    two = app()
    two.track()

    eventually(lambda: two.stats.delivered == 702)
    assert (two.stats.tracked, two.stats.replayed) == (1, 701)
    sent = [id_ for post in collector.posts for id_ in post.ids]
    assert sorted(sent) == sorted(one.ids + two.ids)
    two.flusher.close(1.0)
    assert stored_batches(folder) == 0


def test_short_process_sends_the_spool_of_others(
    collector: FaultyCollector, app: Callable[..., App], folder: Path
) -> None:
    """A process that ends at once, such as a cron job, sends the events of earlier ones."""
    collector.answers = [AWAY] * 3
    one = app(interval=60.0)
    one.track()
    one.flusher.close(PATIENCE)
    collector.answers = []

    two = app(interval=60.0)
    two.track()
    two.flusher.close(PATIENCE)

    assert (two.stats.delivered, two.stats.replayed, two.stats.waiting) == (2, 1, 0)
    assert stored_batches(folder) == 0


def test_empty_spool_does_not_delay_the_exit(app: Callable[..., App]) -> None:
    """A process without spooled events ends as soon as its own events are delivered."""
    one = app(interval=60.0)
    one.track()
    start = time.monotonic()
    one.flusher.close(20.0)

    assert time.monotonic() - start < 10
    assert one.stats.delivered == 1


def test_hanging_collector_loses_no_event_at_the_exit(
    collector: FaultyCollector, app: Callable[..., App]
) -> None:
    """A batch that is being sent when the time is over is in the spool."""
    collector.answers = [Answer(delay=20.0)]
    one = app(interval=60.0)
    one.track(3)
    start = time.monotonic()

    assert one.flusher.close(1.0) == 0

    assert time.monotonic() - start < 10
    assert one.stats.spooled == 3


def test_short_close_still_delivers(
    app: Callable[..., App], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time reserved for the spool is never all of the time."""
    monkeypatch.setattr(spool_module.SqliteSpool, "exit_reserve", 30.0)
    one = app(interval=60.0)
    one.track()

    assert one.flusher.close(25.0) == 0

    assert one.stats.delivered == 1


def test_flush_is_done_when_events_are_spooled(
    collector: FaultyCollector, app: Callable[..., App]
) -> None:
    """A flush tries once; events that could not be delivered are on disk and not waited for."""
    collector.answers = [AWAY]
    one = app(interval=60.0)
    one.track()

    assert one.flusher.flush(PATIENCE)

    assert (len(collector.posts), one.stats.spooled) == (1, 1)


def test_spooled_batch_stays_until_it_is_settled(
    collector: FaultyCollector, app: Callable[..., App], folder: Path, eventually: Eventually
) -> None:
    """It counts as spooled while it is sent again, and no flush waits for it."""
    due = [threading.Event() for _ in range(3)]
    pause = {"Retry-After": "1"}
    collector.answers = [
        Answer(status=503, headers=pause, due=due[0]),
        Answer(status=503, headers=pause, due=due[1]),
        Answer(due=due[2]),
    ]
    one = app()
    one.track(2)
    for posts, answer in enumerate(due, 1):
        eventually(partial(has_posts, collector, posts))
        eventually(lambda: one.stats.spooled == 2)
        assert one.flusher.flush(0.0)
        assert stored_batches(folder) == 1
        answer.set()

    eventually(lambda: one.stats.delivered == 2)
    assert one.stats.waiting == 0


def test_close_waits_for_a_batch_in_flight(
    collector: FaultyCollector, app: Callable[..., App], folder: Path
) -> None:
    """A batch that is on disk as well is still delivered, if there is time."""
    collector.answers = [Answer(delay=1.0)]
    one = app()
    one.track()

    one.flusher.close(20.0)

    assert (one.stats.delivered, one.stats.spooled) == (1, 0)
    assert stored_batches(folder) == 0


def test_replayed_batch_that_is_too_large_is_halved(
    collector: FaultyCollector, app: Callable[..., App], folder: Path, eventually: Eventually
) -> None:
    """Its halves are on disk before it is deleted, and each is settled on its own."""
    collector.answers = [AWAY]
    one = app(interval=60.0)
    one.track(4)
    one.flusher.close(PATIENCE)
    due = [threading.Event(), threading.Event()]
    collector.answers = [Answer(status=413), *(Answer(due=each) for each in due)]
    two = app()
    two.track()
    for left, answer in zip((2, 1), due, strict=True):
        eventually(partial(has_batches, folder, left))
        answer.set()
    eventually(lambda: two.stats.delivered == 5)

    assert [len(post.ids) for post in collector.posts[1:4]] == [4, 2, 2]
    eventually(lambda: stored_batches(folder) == 0)


def test_failing_spool_leaves_events_in_memory(
    collector: FaultyCollector,
    app: Callable[..., App],
    folder: Path,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line is logged; delivery goes on from memory, and from disk as soon as possible."""
    collector.answers = [AWAY]
    one = app()
    folder.chmod(0o777)
    one.track(2)
    eventually(lambda: "other users may write to it" in caplog.text)
    one.track(3)
    assert one.stats.spooled == 0
    folder.chmod(0o700)
    one.clock.skip(30.0)
    eventually(lambda: one.stats.spooled == 5)
    one.clock.skip(30.0)

    eventually(lambda: one.stats.delivered == 5)
    assert sum("the spool can't be used" in line for line in caplog.messages) == 1


def test_fresh_events_go_before_spooled_ones(
    collector: FaultyCollector, app: Callable[..., App], eventually: Eventually
) -> None:
    """A collector that is back gets new events first; spooled ones fill the time between."""
    collector.answers = [AWAY] * 100
    one = app(interval=60.0)
    for _ in range(30):
        one.track()
        assert one.flusher.flush(PATIENCE)
    one.flusher.close(1.0)
    collector.answers = [Answer(delay=0.05) for _ in range(40)]
    collector.posts.clear()
    two = app(interval=0.01)
    two.track()

    eventually(lambda: two.stats.delivered == 31)

    assert [post.ids for post in collector.posts].index(two.ids) < 5
