import time

import pytest

from sqreen_mw.agent.process.exit import LAST_STEP_SECONDS, SHUTDOWN_SECONDS, ShutdownBudget
from tests.delivery.conftest import Runner
from tests.support.faulty_collector import Answer

LIVE = """
import asyncio
import sys
import threading
import time
import sqreen_mw as sqreen


async def app(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def live(count=1):
    async def send(message):
        pass

    async def receive():
        return {}

    entry = app
    for _ in range(count):  # a middleware in another one, so that the lifespans end together
        entry = sqreen.SqreenMiddleware(entry)
    await entry({"type": "lifespan"}, receive, send)
"""

LIFESPANS_THEN_EXIT = f"""{LIVE}
sqreen.track("x")
print(time.monotonic())
asyncio.run(live(int(sys.stdin.readline())))
"""

LIFESPANS_WITHOUT_EVENTS = f"""{LIVE}
sqreen.track("x")
for _ in range(2):
    asyncio.run(live())
    print(sqreen.stats().delivered)
"""

LIFESPANS_WITH_EVENTS = f"""{LIVE}
for _ in range(8):
    sqreen.track("x")
    asyncio.run(live())
    print(sqreen.stats().delivered)
"""


ABANDONED_FLUSH = """
import asyncio
import time
import sqreen_mw as sqreen


async def leave():
    flushing = asyncio.create_task(sqreen.aflush(60.0))
    await asyncio.sleep(0.1)
    raise SystemExit


sqreen.track("x")
print(time.monotonic())
asyncio.new_event_loop().run_until_complete(leave())
"""


@pytest.mark.parametrize(("mutant", "within"), [("", True), ("a deadline for each step", False)])
def test_shutdown_steps_share_one_deadline(runner: Runner, mutant: str, *, within: bool) -> None:
    """If the collector hangs, lifespans that end together and the exit wait two seconds."""
    runner.collector.answers[:] = [Answer(delay=20.0)] * 5
    begin = float(runner.run(LIFESPANS_THEN_EXIT, mutant, given="3\n"))

    assert (time.monotonic() - begin < 7.9) is within


def test_abandoned_flush_does_not_delay_the_exit(runner: Runner) -> None:
    """A loop that ends in the middle of an aflush leaves nothing that the exit waits for."""
    runner.collector.answers[:] = [Answer(delay=20.0)] * 5
    begin = float(runner.run(ABANDONED_FLUSH))

    assert time.monotonic() - begin < 7.9


def test_each_lifespan_delivers_its_event(runner: Runner) -> None:
    """On AWS Lambda, a process serves a lifespan for each invocation."""
    runner.collector.answers[:] = [Answer(delay=0.3)] * 8

    assert runner.run(LIFESPANS_WITH_EVENTS).split() == [str(n + 1) for n in range(8)]


def test_lifespan_delivers_what_an_earlier_one_left(runner: Runner) -> None:
    """Each lifespan has its full time, also if nothing was tracked since the last one."""
    runner.collector.answers[:] = [Answer(status=503, headers={"Retry-After": "2"})]

    assert runner.run(LIFESPANS_WITHOUT_EVENTS).split() == ["0", "1"]


def test_exit_fills_the_spool_after_a_lifespan(runner: Runner) -> None:
    """The exit spools the events that a hanging collector did not take in the lifespan."""
    spool = str(runner.folder / "spool")
    runner.collector.answers[:] = [Answer(delay=20.0)] * 5
    runner.run(LIFESPANS_THEN_EXIT, given="1\n", SQREEN_SPOOL_DIR=spool)
    ids = runner.collector.posts[0].ids
    runner.collector.answers.clear()
    runner.collector.posts.clear()

    runner.run("import sqreen_mw; sqreen_mw.track('y')", SQREEN_SPOOL_DIR=spool)

    assert runner.names == ["x", "y"]
    assert ids[0] in [an_id for post in runner.collector.posts for an_id in post.ids]


def test_steps_share_the_budget_until_an_event_is_tracked() -> None:
    """A step gets the time that earlier steps left; after a new event or lifespan it gets all."""
    now = 64.0
    budget = ShutdownBudget(clock=lambda: now)
    assert budget.remaining(5) == pytest.approx(SHUTDOWN_SECONDS)
    now += 1.0
    assert budget.remaining(5) == pytest.approx(SHUTDOWN_SECONDS - 1.0)
    now += 60.0
    assert budget.remaining(5) == 0.0
    assert budget.remaining(6) == pytest.approx(SHUTDOWN_SECONDS)
    now += 60.0
    budget.restart()
    assert budget.remaining(6) == pytest.approx(SHUTDOWN_SECONDS)


def test_a_step_leaves_its_reserve_to_the_next() -> None:
    """A lifespan does not use the time in which the exit fills the spool."""
    now = 64.0
    budget = ShutdownBudget(clock=lambda: now)
    now += budget.remaining(5, reserve=LAST_STEP_SECONDS)
    assert budget.remaining(5) == pytest.approx(LAST_STEP_SECONDS)
