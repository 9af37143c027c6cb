import asyncio
import os
import threading
from functools import partial

import pytest

from sqreen_mw.collector.dashboard.login.password_queue import PasswordQueue, QueueFullError


def test_full_queue_refuses_at_once() -> None:
    """A full queue refuses further checks, and takes some again when it has room."""

    async def scenario() -> tuple[list[bool], bool]:
        queue, go = PasswordQueue(limit=3, per_client=3), threading.Event()
        waiting = [asyncio.ensure_future(queue.run(go.wait, client=str(n))) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await queue.run(go.wait, client="ann")
        go.set()
        return await asyncio.gather(*waiting), await queue.run(go.is_set, client="ann")

    assert asyncio.run(scenario()) == ([True, True, True], True)


def test_one_client_cannot_fill_the_queue() -> None:
    """A client has its own limit, so another one still finds room."""

    async def scenario() -> int:
        queue, go = PasswordQueue(limit=4, per_client=2), threading.Event()
        flood = [asyncio.ensure_future(queue.run(go.wait, client="bot")) for _ in range(9)]
        await asyncio.sleep(0)
        other = asyncio.ensure_future(queue.run(go.is_set, client="ann"))
        await asyncio.sleep(0)
        go.set()
        assert await other
        results = await asyncio.gather(*flood, return_exceptions=True)
        return sum(isinstance(result, QueueFullError) for result in results)

    assert asyncio.run(scenario()) == 7


def test_cancelled_request_keeps_its_place_until_the_check_ends() -> None:
    """A client that disconnects does not free a place that its check still occupies."""

    async def scenario() -> None:
        queue, go = PasswordQueue(limit=1, per_client=1), threading.Event()
        gone = asyncio.ensure_future(queue.run(go.wait, client="ann"))
        await asyncio.sleep(0)
        started = next(thread for thread in threading.enumerate() if "passwords" in thread.name)
        assert started.is_alive()
        gone.cancel()
        with pytest.raises(QueueFullError):
            await queue.run(go.is_set, client="bob")
        go.set()

    asyncio.run(scenario())


def test_checks_have_a_low_priority() -> None:
    """A check runs with a lower priority than the thread that asks for it."""

    async def scenario() -> int:
        priority = partial(os.getpriority, os.PRIO_PROCESS, 0)
        return await PasswordQueue().run(priority, client="ann")

    assert asyncio.run(scenario()) > os.getpriority(os.PRIO_PROCESS, 0)
