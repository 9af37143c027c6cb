import asyncio
import threading
from functools import partial

import pytest

from sqreen_mw.collector.dashboard.login.password_queue import PasswordQueue, QueueFullError


def test_full_queue_refuses_at_once() -> None:
    """A full queue takes only new clients, then no one, and takes all again when it has room."""

    async def scenario() -> tuple[list[bool], bool]:
        queue, go = PasswordQueue(limit=3, per_client=3), threading.Event()
        waiting = [asyncio.ensure_future(queue.run(go.wait, client=str(n))) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await queue.run(go.wait, client="0")
        waiting += [asyncio.ensure_future(queue.run(go.wait, client=f"new {n}")) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await queue.run(go.wait, client="ann")
        go.set()
        return await asyncio.gather(*waiting), await queue.run(go.is_set, client="ann")

    assert asyncio.run(scenario()) == ([True] * 6, True)


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


def test_failed_check_frees_its_place() -> None:
    """A check that raises leaves the queue."""

    async def scenario() -> int:
        queue = PasswordQueue(limit=1, per_client=1)
        with pytest.raises(ValueError, match="x"):
            await queue.run(partial(int, "x"), client="ann")
        return await queue.run(partial(int, "5"), client="ann")

    assert asyncio.run(scenario()) == 5
