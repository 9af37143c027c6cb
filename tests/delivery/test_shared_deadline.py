import time

import pytest

from sqreen_mw.agent.process.exit import Patience
from tests.delivery.conftest import Runner
from tests.support.faulty_collector import Answer

LIFESPANS_THEN_EXIT = """
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


async def live():
    async def send(message):
        pass

    async def receive():
        return {}

    await sqreen.SqreenMiddleware(app)({"type": "lifespan"}, receive, send)


sqreen.track("x")
print(time.monotonic())
for _ in range(int(sys.stdin.readline())):
    asyncio.run(live())
"""


@pytest.mark.parametrize(("naive", "within"), [("", True), ("a deadline each", False)])
def test_the_ends_of_a_process_share_one_deadline(
    runner: Runner, naive: str, *, within: bool
) -> None:
    """With a collector that hangs, lifespans and exit wait for two seconds together, not each."""
    runner.collector.answers[:] = [Answer(delay=20.0)] * 5
    begin = float(runner.run(LIFESPANS_THEN_EXIT, naive, given="3\n"))

    # Four ends: of two seconds each, or all within two.
    assert (time.monotonic() - begin < 7.9) is within


def test_the_last_end_has_time_for_the_spool(runner: Runner) -> None:
    """What a hanging collector did not take by the lifespan's end is in the spool at the exit."""
    spool = str(runner.folder / "spool")
    runner.collector.answers[:] = [Answer(delay=20.0)] * 5
    runner.run(LIFESPANS_THEN_EXIT, given="1\n", SQREEN_SPOOL_DIR=spool)
    ids = runner.collector.posts[0].ids
    runner.collector.answers.clear()
    runner.collector.posts.clear()

    runner.run("import sqreen_mw; sqreen_mw.track('y')", SQREEN_SPOOL_DIR=spool)

    assert runner.names == ["x", "y"]
    assert ids[0] in [an_id for post in runner.collector.posts for an_id in post.ids]


def test_what_an_end_spends_is_gone_for_the_next() -> None:
    """An end has what the ends before it have left over, and a fifth of the time since then."""
    patience = Patience(0.5)
    begin = time.monotonic()
    with patience.spend() as first:
        time.sleep(0.1)
    spent = time.monotonic() - begin
    with patience.spend() as second:
        since = time.monotonic() - begin - 0.1
        time.sleep(0.5)
        ended = time.monotonic()
    with patience.spend() as third:
        later = time.monotonic() - ended

    assert first == pytest.approx(0.5)
    assert 0.5 - spent <= second <= 0.4 + since / 5
    assert third <= later / 5


def test_an_end_within_another_has_its_deadline() -> None:
    """A signal that comes during the wait of a lifespan does not begin to wait anew."""
    patience = Patience(0.5)
    with patience.spend():
        time.sleep(0.2)
        with patience.spend() as inner:
            pass

    assert inner <= 0.3


def test_what_was_spent_comes_back() -> None:
    """An app that lives on after a lifespan, as in a test, has all its seconds again."""
    patience = Patience(0.01)
    with patience.spend():
        time.sleep(0.01)
    time.sleep(0.06)

    with patience.spend() as seconds:
        assert seconds == pytest.approx(0.01)
