import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sqreen_mw.agent.agent import Agent
from sqreen_mw.agent.config.config import load_config
from sqreen_mw.agent.delivery import heartbeat as heartbeat_module
from sqreen_mw.protocol.event_id import EVENT_ID_PATTERN
from sqreen_mw.protocol.heartbeat import Heartbeat
from tests.support.faulty_collector import Answer, FaultyCollector
from tests.support.waiting import PATIENCE

Eventually = Callable[[Callable[[], object]], None]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first heartbeat come at once."""
    monkeypatch.setattr(heartbeat_module, "FIRST_SECONDS", 0.0)


@pytest.fixture
def agent(collector: FaultyCollector) -> Iterator[Agent]:
    """Return an agent towards the collector."""
    config = load_config(
        {"url": collector.url, "token": "t", "release": "1.2", "environment": "test"}, environ={}
    )
    made = Agent(config, url=collector.url)
    yield made
    made.close(1.0)


def track(agent: Agent, name: str) -> str | None:
    """Track an event outside of a request."""
    return agent.track(None, name, options=None, keywords={})


def queue_of(beat: Heartbeat) -> tuple[int, int, int, dict[str, int]]:
    """Return the counts of a heartbeat."""
    queue = beat.queue
    return queue.tracked, queue.delivered, queue.waiting, queue.dropped


def counts_of(agent: Agent) -> tuple[int, int, int, dict[str, int]]:
    """Return the counts that the app is told."""
    stats = agent.stats()
    return stats.tracked, stats.delivered, stats.waiting, stats.dropped


def test_a_process_says_how_it_is_at_birth_and_at_its_end(
    collector: FaultyCollector, agent: Agent, eventually: Eventually
) -> None:
    """The first heartbeat comes soon, the last one has the counts that ``stats()`` has."""
    assert track(agent, "a")
    eventually(lambda: collector.beats)
    assert track(agent, "") is None
    assert agent.flush(PATIENCE)
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


def test_an_instance_is_named_like_an_event(collector: FaultyCollector, agent: Agent) -> None:
    """The id of a process is a UUID of version 7, on its batches too."""
    track(agent, "a")
    agent.close(PATIENCE)

    assert collector.posts[0].instance is not None
    assert re.match(EVENT_ID_PATTERN, collector.posts[0].instance)


def test_a_process_that_tracks_nothing_is_silent(collector: FaultyCollector, agent: Agent) -> None:
    """Without a thread there is nobody to beat, and none is made for it."""
    agent.close(PATIENCE)

    assert collector.beats == []


def test_the_collector_says_how_often(
    collector: FaultyCollector,
    agent: Agent,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer's interval is obeyed, within bounds of ours."""
    monkeypatch.setattr(heartbeat_module, "SHORTEST_INTERVAL", 0.05)
    often = b'{"server_time":0,"heartbeat_interval":0.001}'
    collector.beat_answers = [Answer(status=200, body=often) for _ in range(3)]
    start = time.monotonic()
    track(agent, "a")

    eventually(lambda: len(collector.beats) == 4)

    assert time.monotonic() - start >= 0.15


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500),
        Answer(status=401),
        Answer(status=200, body=b"<html>"),
        Answer(status=404, body=b"x" * 5000),
    ],
)
def test_a_heartbeat_that_fails_is_not_spoken_of(
    collector: FaultyCollector,
    agent: Agent,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
) -> None:
    """Nothing is logged and nothing sent again; events are delivered as ever."""
    collector.beat_answers = [answer, answer]
    track(agent, "a")
    eventually(lambda: collector.beats)

    assert agent.flush(PATIENCE)
    agent.close(PATIENCE)

    assert [beat.ended for beat in collector.beats] == [False, True]
    assert collector.names == ["a"]
    assert caplog.messages == []


def test_a_heartbeat_that_hangs_holds_up_nothing(
    collector: FaultyCollector, agent: Agent, eventually: Eventually
) -> None:
    """Events pass a heartbeat that is not answered, and the end does not wait for it for long."""
    collector.beat_answers = [Answer(delay=40.0), Answer(delay=40.0)]
    track(agent, "a")
    eventually(lambda: collector.beats)
    start = time.monotonic()

    assert agent.flush(20.0)
    assert agent.close(20.0) == 0

    assert time.monotonic() - start < 10
    assert collector.names == ["a"]


def test_what_is_left_at_the_end_is_told(
    collector: FaultyCollector, agent: Agent, eventually: Eventually
) -> None:
    """Where the collector wants to be left alone, the last heartbeat tells what that costs."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "600"}) for _ in range(3)]
    for name in "abc":
        track(agent, name)
    assert not agent.flush(0.2)
    eventually(lambda: collector.posts)

    assert agent.close(PATIENCE) == 3

    assert collector.beats[-1].ended
    assert queue_of(collector.beats[-1]) == counts_of(agent) == (3, 0, 0, {"exit": 3})


def test_a_dead_collector_is_nobody_to_wait_for(
    eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    """With nobody there heartbeats fail at once, unheard; what is said is said of events."""
    config = load_config({"url": "http://127.0.0.1:9", "token": "t"}, environ={})
    agent = Agent(config, url="http://127.0.0.1:9")
    track(agent, "a")
    eventually(lambda: caplog.messages)
    start = time.monotonic()

    assert agent.close(1.0) == 1

    assert time.monotonic() - start < 10
    assert all("event" in line for line in caplog.messages)


def test_only_who_listens_is_told(tmp_path: Path) -> None:
    """Files, the terminal and memory get events and nothing else."""
    config = load_config({"url": f"file://{tmp_path}/events.jsonl"}, environ={})
    agent = Agent(config, url=f"file://{tmp_path}/events.jsonl")
    track(agent, "a")
    agent.close(PATIENCE)

    assert agent.stats().delivered == 1
