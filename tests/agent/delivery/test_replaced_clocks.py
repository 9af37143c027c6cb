"""Tools that replace clocks change the timestamps of events, and nothing else of delivery."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

import sqreen_mw as sqreen
from sqreen_mw.agent.agent import Agent
from sqreen_mw.agent.config.config import Settings, load_config
from sqreen_mw.agent.delivery.retry import retry_after
from sqreen_mw.agent.delivery.transports.local import memory_events
from sqreen_mw.agent.process.unpatched import monotonic, system_time
from tests.support.faulty_collector import Answer, FaultyCollector
from tests.support.flusher_harness import Eventually
from tests.support.optional import need, need_module
from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow

Replaced = Callable[[], AbstractContextManager[object]]

FUTURE = datetime(2041, 5, 6, tzinfo=UTC)
PAST = datetime(1999, 5, 6, tzinfo=UTC)


def frozen(moment: datetime, **options: bool) -> AbstractContextManager[object]:
    """Replace the clocks by freezegun."""
    tool: Any = need_module("freezegun", package="freezegun")
    context: AbstractContextManager[object] = tool.freeze_time(moment, **options)
    return context


def travelled(moment: datetime, *, tick: bool = False) -> AbstractContextManager[object]:
    """Replace the clocks by time-machine."""
    tool: Any = need_module("time_machine", package="time_machine")
    context: AbstractContextManager[object] = tool.travel(moment, tick=tick)
    return context


TOOLS: dict[str, tuple[Replaced, datetime]] = {
    "freezegun": (lambda: frozen(FUTURE), FUTURE),
    "freezegun in the past": (lambda: frozen(PAST), PAST),
    "freezegun with asyncio's real clock": (lambda: frozen(FUTURE, real_asyncio=True), FUTURE),
    "time-machine": (lambda: travelled(FUTURE), FUTURE),
    "time-machine in the past": (lambda: travelled(PAST), PAST),
}

every_tool = pytest.mark.parametrize(("replaced", "moment"), TOOLS.values(), ids=TOOLS)
every_freeze = pytest.mark.parametrize(
    "replaced", [TOOLS["freezegun"][0], TOOLS["time-machine"][0]], ids=["freezegun", "time-machine"]
)


@pytest.fixture
def agent_of(collector: FaultyCollector) -> Iterator[Callable[..., Agent]]:
    """Return a function that makes an agent of the collector."""
    need("freezegun")
    agents: list[Agent] = []

    def make(flush_interval: float = 60.0, spool_dir: str = "") -> Agent:
        settings = Settings(url=collector.url, token="t", flush_interval=flush_interval)
        config = load_config({**settings, "spool_dir": spool_dir} if spool_dir else settings)
        agents.append(Agent(config, url=collector.url))
        return agents[-1]

    yield make
    for agent in agents:
        agent.close(1.0)


def track(agent: Agent, name: str) -> None:
    """Track on a new thread."""
    thread = threading.Thread(target=agent.track, args=(None, name), kwargs=NOTHING)
    thread.start()
    thread.join()


NOTHING: dict[str, Any] = {"options": None, "keywords": {}}


@every_tool
@pytest.mark.parametrize("is_started", [True, False], ids=["started", "not started"])
def test_interval_is_real(
    collector: FaultyCollector,
    agent_of: Callable[..., Agent],
    eventually: Eventually,
    replaced: Replaced,
    moment: datetime,
    *,
    is_started: bool,
) -> None:
    """Events leave after the interval before, while and after the clocks are replaced."""
    agent = agent_of(flush_interval=0.05)
    names = ["before"] * is_started
    for name in names:
        track(agent, name)
    eventually(lambda: collector.names == names)

    with replaced():
        for name in ("first", "second"):
            names.append(name)
            track(agent, name)
            eventually(lambda: collector.names == names)
    track(agent, "after")
    eventually(lambda: agent.stats().delivered == len(names) + 1)

    assert collector.names == [*names, "after"]


@every_tool
def test_event_has_the_time_of_the_app(replaced: Replaced, moment: datetime) -> None:
    """The timestamp follows the app's clock, as every other time in its test does."""
    url = f"memory://{moment:%Y}-{id(replaced)}"
    agent = Agent(load_config({"url": url}), url=url)
    with replaced():
        agent.track(None, "x", **NOTHING)  # freezegun leaves a thread's own functions alone
        assert agent.close(PATIENCE) == 0

    [event] = memory_events(url)
    assert event.timestamp == moment.timestamp() * 1000


@every_freeze
def test_calls_report_the_truth(
    collector: FaultyCollector, agent_of: Callable[..., Agent], replaced: Replaced
) -> None:
    """Flush and close wait for real seconds, and report undelivered events."""
    collector.answers = [Answer(delay=20.0)] * 2
    agent = agent_of()
    with replaced():
        begin = monotonic()
        track(agent, "x")
        assert not agent.flush(0.1)
        assert agent.close(0.1) == 1
        assert 0.2 <= monotonic() - begin < 10.0

    assert agent.stats().dropped == {"exit": 1}


async def in_asyncio(call: Callable[[float], Awaitable[object]]) -> object:
    """Call from a task, like a view."""
    return await asyncio.create_task(call_of(call))


async def call_of(call: Callable[[float], Awaitable[object]]) -> object:
    """Call with a timeout."""
    return await call(PATIENCE)


def run_trio(call: Callable[[float], Awaitable[object]]) -> object:
    """Run in trio."""
    trio = need_module("trio", package="trio")
    return trio.run(call, PATIENCE)


@every_freeze
@pytest.mark.parametrize("run", [lambda call: asyncio.run(in_asyncio(call)), run_trio])
def test_async_calls_end_although_the_loop_is_frozen(
    collector: FaultyCollector,
    agent_of: Callable[..., Agent],
    replaced: Replaced,
    run: Callable[..., object],
) -> None:
    """In a loop with a frozen clock, no sleep ends; aflush and aclose do."""
    agent = agent_of()
    with replaced():
        track(agent, "flushed")
        assert run(agent.aflush) is True
        track(agent, "closed")
        assert run(agent.aclose) == 0

    assert collector.names == ["flushed", "closed"]


@every_freeze
def test_lifespan_ends_and_delivers(replaced: Replaced, collector: FaultyCollector) -> None:
    """A test client starts and ends the app while the clocks are replaced."""
    app = Starlette()
    app.add_middleware(sqreen.SqreenMiddleware, url=collector.url, token="t", flush_interval=60.0)
    with replaced(), TestClient(app):
        sqreen.track("last")

    assert collector.names == ["last"]


@every_freeze
def test_cancelled_flush_ends_its_thread(
    collector: FaultyCollector, agent_of: Callable[..., Agent], replaced: Replaced
) -> None:
    """A view that is cancelled leaves no thread that waits on."""
    collector.answers = [Answer(delay=20.0)]
    agent = agent_of()

    async def cancel() -> None:
        task = asyncio.create_task(call_of(agent.aflush))
        await asyncio.to_thread(wait_until, lambda: collector.posts)
        task.cancel()
        await asyncio.wait([task])

    with replaced():
        track(agent, "x")
        begin = monotonic()
        asyncio.run(cancel())
        assert monotonic() - begin < 10.0


@every_tool
def test_spooled_events_do_not_expire(
    collector: FaultyCollector,
    agent_of: Callable[..., Agent],
    tmp_path: Path,
    replaced: Replaced,
    moment: datetime,
) -> None:
    """The age of an event in the spool is real, so a journey in time loses none."""
    collector.answers = [Answer(status=503, headers={"Retry-After": "60"})]
    one = agent_of(spool_dir=str(tmp_path / "spool"))
    track(one, "before")
    one.flush(PATIENCE)
    one.close(PATIENCE)
    with replaced():
        two = agent_of(spool_dir=str(tmp_path / "spool"))
        track(two, "during")
        assert two.close(PATIENCE) == 0
        assert two.stats().dropped == {}

    assert sorted(set(collector.names)) == ["before", "during"]


@every_tool
def test_pause_until_a_date_is_real(replaced: Replaced, moment: datetime) -> None:
    """A date in Retry-After is compared with the system's clock, which no tool replaces."""
    soon = datetime.fromtimestamp(system_time() + 30.0, UTC)
    with replaced():
        assert 25.0 < (retry_after(format_datetime(soon, usegmt=True)) or 0.0) <= 30.0


def test_system_time_is_right() -> None:
    """The clock that no tool replaces agrees with the usual one."""
    assert abs(system_time() - datetime.now(UTC).timestamp()) < 1.0
