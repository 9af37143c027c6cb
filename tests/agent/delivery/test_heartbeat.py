import asyncio
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sqreen_mw.agent.agent import Agent
from sqreen_mw.agent.calls import Stats
from sqreen_mw.agent.config.config import load_config
from sqreen_mw.agent.delivery.flusher_config import FlusherConfig
from sqreen_mw.agent.delivery.heartbeat import HeartbeatSender
from sqreen_mw.agent.guard import Guard
from sqreen_mw.protocol.batch import Envelope
from sqreen_mw.protocol.event_id import EVENT_ID_PATTERN
from sqreen_mw.protocol.heartbeat import Heartbeat
from tests.support.clock import JumpingClock
from tests.support.faulty_collector import Answer, FaultyCollector
from tests.support.flusher_harness import InstantTransport
from tests.support.waiting import PATIENCE

Eventually = Callable[[Callable[[], object]], None]


@pytest.fixture
def clock() -> JumpingClock:
    """Return the clock of the agent."""
    return JumpingClock()


@pytest.fixture
def agent(collector: FaultyCollector, clock: JumpingClock) -> Iterator[Agent]:
    """Return an agent for the collector."""
    config = load_config(
        {"url": collector.url, "token": "t", "release": "1.2", "environment": "test"}, environ={}
    )
    made = Agent(config, url=collector.url, clock=clock)

    def look_again() -> None:
        made.flush(0.0)

    clock.on_jump.append(look_again)
    yield made
    made.close(1.0)


def track(agent: Agent, name: str) -> str | None:
    """Track an event outside a request."""
    return agent.track(None, name, options=None, keywords={})


def queue_of(beat: Heartbeat) -> tuple[int, int, int, dict[str, int]]:
    """Return the counters of a heartbeat."""
    queue = beat.queue
    return queue.tracked, queue.delivered, queue.waiting, queue.dropped


def counts_of(agent: Agent) -> tuple[int, int, int, dict[str, int]]:
    """Return the counters of the agent."""
    stats = agent.stats()
    return stats.tracked, stats.delivered, stats.waiting, stats.dropped


def test_first_and_last_heartbeat_have_the_counters(
    collector: FaultyCollector, agent: Agent, clock: JumpingClock, eventually: Eventually
) -> None:
    """The first heartbeat comes after a second, the last one has the counters of ``stats()``."""
    assert track(agent, "a")
    assert agent.flush(PATIENCE)
    assert track(agent, "") is None
    clock.skip(1.0)
    eventually(lambda: collector.beats)
    agent.close(PATIENCE)

    first, last = collector.beats
    assert (first.ended, last.ended) == (False, True)
    assert first.instance_id == last.instance_id == collector.posts[0].instance
    assert pytest.approx(time.time() * 1000, abs=60_000) == last.sent_at
    assert last.sent_at >= first.sent_at >= first.started_at == last.started_at
    assert (last.env, last.release, last.pid) == ("test", "1.2", os.getpid())
    assert last.host == socket.gethostname()
    assert (last.sdk or "").startswith("sqreen-mw/")
    assert queue_of(last) == counts_of(agent) == (1, 1, 0, {})
    assert last.misuse == agent.stats().misuse == {"name_empty": 1}


def test_instance_id_has_the_form_of_an_event_id(collector: FaultyCollector, agent: Agent) -> None:
    """The id of an instance is a UUID of version 7, in its batches too."""
    track(agent, "a")
    agent.close(PATIENCE)

    assert collector.posts[0].instance is not None
    assert re.match(EVENT_ID_PATTERN, collector.posts[0].instance)


def test_each_lifespan_ends_with_the_current_counters(
    collector: FaultyCollector, agent: Agent
) -> None:
    """A process with several lifespans reports its counters after each one that tracked events."""
    for name in ("a", "b", None):
        if name is not None:
            assert track(agent, name)
        assert asyncio.run(agent.aend_lifespan(PATIENCE))

    assert [beat.ended for beat in collector.beats] == [True, True]
    assert [queue_of(beat) for beat in collector.beats] == [(1, 1, 0, {}), (2, 2, 0, {})]


def test_agent_without_events_sends_no_heartbeat(collector: FaultyCollector, agent: Agent) -> None:
    """Closing an unused agent starts no thread for a heartbeat."""
    agent.close(PATIENCE)

    assert collector.beats == []


class AnsweringTransport(InstantTransport):
    """A transport that gives every heartbeat the same answer."""

    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer

    async def send_heartbeat(self, body: bytes, *, seconds: float) -> bytes | None:
        """Return the answer."""
        return self._answer


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (b'{"server_time":0,"heartbeat_interval":20}', 20.0),
        (b'{"server_time":0,"heartbeat_interval":0.001}', 5.0),
        (b'{"server_time":0,"heartbeat_interval":1000000}', 3600.0),
        (b"<html>", 60.0),
        (None, 60.0),
    ],
)
def test_collector_sets_the_interval_within_bounds(answer: bytes | None, seconds: float) -> None:
    """The interval of the answer is used, if it is between five seconds and an hour."""
    transport, header = AnsweringTransport(answer), Envelope(app="shop", events=[])
    config = FlusherConfig(
        open_transport=lambda: transport,
        seal=lambda _: None,
        header=header,
        interval=1.0,
        guard=Guard(),
        put_in_child=lambda _: False,
        clock=lambda: 1000.0,
    )
    stats = Stats(tracked=0, delivered=0, waiting=0, dropped={}, misuse={})
    sender = HeartbeatSender(config, transport=transport, header=header, stats=lambda: stats)
    sender.start()
    assert sender.next_at == 1001.0

    asyncio.run(sender.send())

    assert sender.next_at == 1000.0 + seconds


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500),
        Answer(status=401),
        Answer(status=200, body=b"<html>"),
        Answer(status=404, body=b"x" * 5000),
    ],
)
def test_failed_heartbeat_is_not_logged_or_repeated(
    collector: FaultyCollector,
    agent: Agent,
    clock: JumpingClock,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
) -> None:
    """Nothing is logged and nothing is sent again; events are delivered as before."""
    collector.beat_answers = [answer, answer]
    track(agent, "a")
    assert agent.flush(PATIENCE)
    clock.skip(1.0)
    eventually(lambda: collector.beats)

    assert agent.flush(PATIENCE)
    agent.close(PATIENCE)

    assert [beat.ended for beat in collector.beats] == [False, True]
    assert collector.names == ["a"]
    assert caplog.messages == []


def test_hanging_heartbeat_delays_nothing(
    collector: FaultyCollector, agent: Agent, clock: JumpingClock, eventually: Eventually
) -> None:
    """Events pass an unanswered heartbeat, and the exit waits only briefly for it."""
    collector.beat_answers = [Answer(delay=40.0), Answer(delay=40.0)]
    track(agent, "a")
    assert agent.flush(PATIENCE)
    clock.skip(1.0)
    eventually(lambda: collector.beats)
    track(agent, "b")
    start = time.monotonic()

    assert agent.flush(20.0)
    assert agent.close(20.0) == 0

    assert time.monotonic() - start < 10
    assert collector.names == ["a", "b"]


def test_last_heartbeat_counts_undelivered_events(
    collector: FaultyCollector, agent: Agent, eventually: Eventually
) -> None:
    """If the collector asks for a pause, the last heartbeat has the events lost at the exit."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "600"}) for _ in range(3)]
    for name in "abc":
        track(agent, name)
    assert not agent.flush(0.2)
    eventually(lambda: collector.posts)

    assert agent.close(PATIENCE) == 3

    assert collector.beats[-1].ended
    assert queue_of(collector.beats[-1]) == counts_of(agent) == (3, 0, 0, {"exit": 3})


@pytest.mark.slow
def test_close_does_not_wait_for_an_unreachable_collector(
    eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    """Heartbeats fail at once and unlogged; the log lines are about events."""
    config = load_config({"url": "http://127.0.0.1:9", "token": "t"}, environ={})
    agent = Agent(config, url="http://127.0.0.1:9")
    track(agent, "a")
    eventually(lambda: caplog.messages)
    start = time.monotonic()

    assert agent.close(1.0) == 1

    assert time.monotonic() - start < 10
    assert all("event" in line for line in caplog.messages)


def test_other_transports_get_no_heartbeats(tmp_path: Path) -> None:
    """Files, the terminal and memory get events and nothing else."""
    config = load_config({"url": f"file://{tmp_path}/events.jsonl"}, environ={})
    agent = Agent(config, url=f"file://{tmp_path}/events.jsonl")
    track(agent, "a")
    agent.close(PATIENCE)

    assert agent.stats().delivered == 1
