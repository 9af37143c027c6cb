import time

import pytest

from sqreen_mw.agent.deadline import Patience
from tests.agent.conftest import Answer
from tests.delivery.conftest import Runner

LIFESPAN_THEN_EXIT = """
import asyncio
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
asyncio.run(live())
"""


@pytest.mark.parametrize(("naive", "within"), [("", True), ("a deadline each", False)])
def test_the_ends_of_a_process_share_one_deadline(
    runner: Runner, naive: str, *, within: bool
) -> None:
    """With a collector that hangs, lifespan and exit wait for two seconds together, not each."""
    runner.collector.answers[:] = [Answer(delay=20.0)] * 5
    begin = float(runner.run(LIFESPAN_THEN_EXIT, naive))

    assert (time.monotonic() - begin < 3.9) is within


def test_the_last_end_has_time_for_the_spool(runner: Runner) -> None:
    """What a hanging collector did not take by the lifespan's end is in the spool at the exit."""
    spool = str(runner.folder / "spool")
    runner.collector.answers[:] = [Answer(delay=20.0)] * 5
    runner.run(LIFESPAN_THEN_EXIT, SQREEN_SPOOL_DIR=spool)
    ids = runner.collector.posts[0].ids
    runner.collector.answers.clear()
    runner.collector.posts.clear()

    runner.run("import sqreen_mw; sqreen_mw.track('y')", SQREEN_SPOOL_DIR=spool)

    assert runner.names == ["x", "y"]
    assert ids[0] in [an_id for post in runner.collector.posts for an_id in post.ids]


def test_what_an_end_spends_is_gone_for_the_next() -> None:
    """An end has what the ends before it have left over."""
    patience = Patience(0.2)
    with patience.spend() as first:
        time.sleep(0.1)
    with patience.spend() as second:
        time.sleep(0.2)
    with patience.spend() as third:
        pass

    assert first == pytest.approx(0.2)
    assert 0.0 < second < 0.15
    assert third < 0.1


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
