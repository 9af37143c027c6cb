"""Run reads of the event store in threads, so that no client can stop the others.

Reads of few events have a lane of their own. Waiting reads use no thread.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request

from sqreen_mw.collector.events.base import EventQuery, EventStore
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.fair_slots import FairSlots
from sqreen_mw.errors import StoreError

SHORT_READS: Final = 2
"""Maximum number of parallel reads of few events."""

LONG_READS: Final = 3
"""Maximum number of parallel reads of more events."""

LONG_READS_OF_ONE: Final = 2
"""Maximum number of parallel long reads of one user or token."""

LONG_READ_NICENESS: Final = 10
"""The nice value of threads with long reads, so that ingest and pages get the processor first."""

MAX_WAITING: Final = 50
"""Maximum number of waiting reads of one user or token, in each lane."""

WAIT_SECONDS: Final = 15.0
"""Seconds until a read that waits for a slot is refused."""

READ_SECONDS: Final = 5.0
"""Seconds until a read ends. The time it waits for a slot does not count."""

_Answer = TypeVar("_Answer")


class ReadLanes:
    """Runs the reads of an event store.

    Args:
        events: The event store.
        seconds: Seconds until a read ends.
    """

    def __init__(self, events: EventStore, *, seconds: float = READ_SECONDS) -> None:
        self._events = events
        self._seconds = seconds
        lane = partial(FairSlots, most_waiting=MAX_WAITING, seconds=WAIT_SECONDS)
        self._short = lane(SHORT_READS, per_owner=SHORT_READS)
        self._long = lane(LONG_READS, per_owner=LONG_READS_OF_ONE)
        self._short_threads = anyio.CapacityLimiter(SHORT_READS)
        self._long_threads = ThreadPoolExecutor(
            LONG_READS, thread_name_prefix="sqreen-long-read", initializer=_lower_priority
        )

    async def run(
        self,
        read: Callable[[Deadline], _Answer],
        *,
        request: Request,
        owner: Hashable,
        query: EventQuery | None = None,
    ) -> _Answer:
        """Run a read and return its answer. It is cancelled when the client disconnects.

        Args:
            read: The read. It ends at the deadline that it gets.
            request: The request that needs the answer.
            owner: The client: a token, a user or an address.
            query: The query of the read. Without one, the read is short.

        Raises:
            StoreError: The read failed, or too many reads are waiting.
        """
        deadline = Deadline(self._seconds)
        watch = asyncio.create_task(_cancel_when_closed(request, deadline))
        try:
            slots = self._short
            if query is not None and not await self._run(
                partial(self._is_small, query), deadline, slots=slots, owner=owner
            ):
                slots = self._long
            return await self._run(read, deadline, slots=slots, owner=owner)
        finally:
            watch.cancel()
            deadline.cancel()

    def close(self) -> None:
        """Wait for the running reads, and end the threads."""
        self._long_threads.shutdown()

    def _is_small(self, query: EventQuery, deadline: Deadline) -> bool:
        return self._events.is_small(query, deadline=deadline)

    async def _run(
        self,
        read: Callable[[Deadline], _Answer],
        deadline: Deadline,
        *,
        slots: FairSlots,
        owner: Hashable,
    ) -> _Answer:
        async with slots.slot(owner):
            if deadline.is_cancelled:
                raise StoreError("the client closed the connection")
            if slots is self._short:
                return await run_sync(read, deadline.start(), limiter=self._short_threads)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._long_threads, read, deadline.start())


def _lower_priority() -> None:
    # A thread of Linux has a priority of its own. Elsewhere this would slow down the process.
    if sys.platform == "linux":
        os.nice(LONG_READ_NICENESS)


async def _cancel_when_closed(request: Request, deadline: Deadline) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    deadline.cancel()
