"""Test that reads of one client never stop those of another."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.types import Message

from sqreen_mw.collector.events.base import EventQuery
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.events.filters import Comparison
from sqreen_mw.collector.events.sqlite import SqliteEventStore
from sqreen_mw.collector.read_lanes import (
    LONG_READ_NICENESS,
    LONG_READS,
    LONG_READS_OF_ONE,
    SHORT_READS,
    ReadLanes,
)
from sqreen_mw.errors import StoreError
from tests.collector.events.examples import NOW, batch, event

SMALL = EventQuery(start=NOW, end=NOW + 1)
LARGE = EventQuery(start=0, end=NOW + 1, filter=Comparison(("text",), "contains", "login"))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteEventStore]:
    """Return a store of three events, of which a small range may have one."""
    monkeypatch.setattr("sqreen_mw.collector.events.sqlite.store.SLICE", 1)
    opened = SqliteEventStore(tmp_path / "events.db")
    opened.append(batch([event(at=NOW), event(at=1), event(at=2)]))
    yield opened
    opened.close()


class Client:
    """A client that may disconnect."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self.request = Request({"type": "http", "headers": []}, self._receive)
        self._body_sent = False

    async def _receive(self) -> Message:
        if not self._body_sent:
            self._body_sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.closed.wait()
        return {"type": "http.disconnect"}


class Blocked:
    """Reads that block their threads until ``go_on`` or their deadline."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.running = threading.Semaphore(0)
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, deadline: Deadline) -> str:
        """Block the thread."""
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self.running.release()
        while not self.go_on.wait(0.005) and not deadline.is_over:
            pass
        with self._lock:
            self._now -= 1
        return "cancelled" if deadline.is_cancelled else "done"


def _newest(store: SqliteEventStore) -> Callable[[Deadline], int]:
    return lambda deadline: len(store.page(SMALL, deadline=deadline).events)


def test_short_reads_do_not_wait_for_long_ones(store: SqliteEventStore) -> None:
    """While long reads of 12 sessions wait for slots, a small range is read at once."""
    lanes, long = ReadLanes(store, seconds=60), Blocked()

    async def run() -> list[str]:
        client = Client()
        many = [
            asyncio.create_task(
                lanes.run(long, request=client.request, owner=f"session {n}", query=LARGE)
            )
            for n in range(12)
        ]
        for _ in range(LONG_READS):
            assert await asyncio.to_thread(long.running.acquire, timeout=30)
        async with asyncio.timeout(30):
            for query in (SMALL, None):
                read = lanes.run(_newest(store), request=client.request, owner="me", query=query)
                assert await read == 1
        assert not any(task.done() for task in many)
        long.go_on.set()
        return await asyncio.gather(*many)

    assert asyncio.run(run()) == ["done"] * 12
    assert long.most == LONG_READS


def test_long_reads_of_one_client_leave_a_slot(store: SqliteEventStore) -> None:
    """Another session's long read starts although one session has many."""
    lanes, long, mine = ReadLanes(store, seconds=60), Blocked(), Blocked()

    async def run() -> None:
        client = Client()
        many = [
            asyncio.create_task(
                lanes.run(long, request=client.request, owner="greedy", query=LARGE)
            )
            for _ in range(6)
        ]
        for _ in range(LONG_READS_OF_ONE):
            assert await asyncio.to_thread(long.running.acquire, timeout=30)
        mine.go_on.set()
        async with asyncio.timeout(30):
            assert await lanes.run(mine, request=client.request, owner="me", query=LARGE) == "done"
        long.go_on.set()
        await asyncio.gather(*many)

    asyncio.run(run())
    assert long.most == LONG_READS_OF_ONE < LONG_READS


def test_closed_connection_cancels_its_read(store: SqliteEventStore) -> None:
    """A running read ends, and a waiting one never starts."""
    lanes, reads = ReadLanes(store, seconds=60), Blocked()

    async def run() -> tuple[list[str], list[object]]:
        gone, later = Client(), Client()
        running = [
            asyncio.create_task(lanes.run(reads, request=gone.request, owner="a"))
            for _ in range(SHORT_READS)
        ]
        for _ in running:
            assert await asyncio.to_thread(reads.running.acquire, timeout=30)
        waiting = [
            asyncio.create_task(lanes.run(reads, request=later.request, owner="a"))
            for _ in range(3)
        ]
        later.closed.set()
        await asyncio.sleep(0)
        gone.closed.set()
        ended = await asyncio.gather(*running)
        return ended, await asyncio.gather(*waiting, return_exceptions=True)

    ended, waited = asyncio.run(run())

    assert ended == ["cancelled"] * SHORT_READS
    assert all(isinstance(each, StoreError) for each in waited)
    assert not reads.running.acquire(blocking=False)


def test_read_ends_at_its_deadline(store: SqliteEventStore) -> None:
    """The deadline counts from the start of the read, not from its waiting."""
    lanes, reads = ReadLanes(store, seconds=0.01), Blocked()

    async def run() -> list[str]:
        client = Client()
        return await asyncio.gather(
            *(lanes.run(reads, request=client.request, owner="a") for _ in range(6))
        )

    assert asyncio.run(run()) == ["done"] * 6


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_long_reads_have_a_lower_priority(store: SqliteEventStore) -> None:
    """Only the threads of long reads are nice; the loop and short reads keep their priority."""
    lanes = ReadLanes(store)

    def niceness(_: Deadline) -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    async def run() -> list[int]:
        request = Client().request
        return [
            await lanes.run(niceness, request=request, owner="a", query=query)
            for query in (LARGE, SMALL, None)
        ]

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    found = asyncio.run(run())
    lanes.close()

    assert found == [min(before + LONG_READ_NICENESS, 19), before, before]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
