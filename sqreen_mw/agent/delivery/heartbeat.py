"""The heart: tells the collector once a minute how this process is, and once more at the end."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Final

from msgspec import structs

from sqreen_mw.agent.delivery.transports.base import AcceptsHeartbeats
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.stats import Stats
from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.batch import Envelope
from sqreen_mw.protocol.heartbeat import (
    HEARTBEAT_INTERVAL,
    Heartbeat,
    Queue,
    decode_heartbeat_answer,
    encode_heartbeat,
)
from sqreen_mw.protocol.limits import MAX_COUNTERS, MAX_NAME_LENGTH

FIRST_SECONDS: Final = 1.0
"""From birth to the first heartbeat: a script that ends sooner sends but the last one."""

BEAT_SECONDS: Final = 5.0
LAST_SECONDS: Final = 0.5
"""How long the last heartbeat may take of what is left of the deadline."""

SHORTEST_INTERVAL: Final = 5.0
LONGEST_INTERVAL: Final = 3600.0
UNKNOWN_SDK: Final = "unknown"


class HeartbeatSender:
    """Beats beside the delivery, on its loop, as long as its context lasts.

    A heartbeat is never sent twice, and one that fails is not spoken of: the next one tells it all.
    """

    def __init__(
        self,
        *,
        transport: AcceptsHeartbeats,
        header: Envelope,
        stats: Callable[[], Stats],
        deadline: Callable[[], float | None],
        guard: Guard,
    ) -> None:
        """Make a heart that does not beat yet.

        Args:
            transport: The way to the collector.
            header: What batches of this process say of it.
            stats: Returns the counts of the moment.
            deadline: Returns the monotonic seconds at which all is to be done, or None.
            guard: Counts and logs faults of ours.
        """
        self._transport: Final = transport
        self._stats: Final = stats
        self._deadline: Final = deadline
        self._guard: Final = guard
        self._born: Final = Heartbeat(
            instance_id=header.instance_id or str(os.getpid()),
            sdk=header.sdk or UNKNOWN_SDK,
            app=header.app,
            env=header.env,
            release=header.release,
            host=socket.gethostname()[:MAX_NAME_LENGTH] or None,
            pid=os.getpid(),
            python=sys.version.partition(" ")[0],
            started_at=_now(),
            sent_at=0,
            queue=Queue(tracked=0, delivered=0, waiting=0),
        )
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._beating = asyncio.create_task(self._beat_on())

    async def __aexit__(self, *_: object) -> None:
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait((self._beating,))
        deadline = self._deadline()
        seconds = LAST_SECONDS if deadline is None else deadline - time.monotonic()
        if seconds > 0:
            await self._beat(min(seconds, LAST_SECONDS), ended=True)

    async def _beat_on(self) -> None:
        pause = FIRST_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = await self._beat(BEAT_SECONDS)

    async def _beat(self, seconds: float, *, ended: bool = False) -> float:
        """Send one heartbeat, and return the seconds until the next one."""
        answer = None
        with self._guard.suppress_errors("heartbeat"):
            beat = self._heartbeat(ended=ended)
            answer = await self._transport.beat(encode_heartbeat(beat), seconds=seconds)
        interval: float = HEARTBEAT_INTERVAL
        if answer is not None:
            with suppress(MalformedBatchError):
                interval = decode_heartbeat_answer(answer).heartbeat_interval
        return min(max(interval, SHORTEST_INTERVAL), LONGEST_INTERVAL)

    def _heartbeat(self, *, ended: bool) -> Heartbeat:
        stats = self._stats()
        return structs.replace(
            self._born,
            sent_at=_now(),
            ended=ended,
            queue=_queue(stats, ended=ended),
            misuse=dict(islice(stats.misuse.items(), MAX_COUNTERS)),
        )


def _queue(stats: Stats, *, ended: bool) -> Queue:
    """Return the counts; what is in memory at the end is what the exit is about to drop."""
    dropped, waiting = dict(stats.dropped), stats.waiting
    if ended and waiting > stats.spooled:
        dropped["exit"] = dropped.get("exit", 0) + waiting - stats.spooled
        waiting = stats.spooled
    return Queue(
        tracked=stats.tracked,
        delivered=stats.delivered,
        waiting=waiting,
        dropped=dropped,
        spooled=stats.spooled,
        replayed=stats.replayed,
    )


def _now() -> int:
    return time.time_ns() // 1_000_000
