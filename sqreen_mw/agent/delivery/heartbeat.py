"""Heartbeats: the counters of this instance, sent to the collector once a minute and at the end."""

import math
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Final

from sqreen_mw.agent.calls import Stats
from sqreen_mw.agent.delivery.flusher_config import FlusherConfig
from sqreen_mw.agent.delivery.interfaces import AcceptsHeartbeats
from sqreen_mw.agent.process.unpatched import epoch_ms
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
"""From the start to the first heartbeat: a script that ends sooner sends only the last one."""

TIMEOUT_SECONDS: Final = 5.0
LAST_TIMEOUT_SECONDS: Final = 0.5
"""The most that the last heartbeat takes of the time left until the deadline."""

SHORTEST_INTERVAL: Final = 5.0
LONGEST_INTERVAL: Final = 3600.0
UNKNOWN_SDK: Final = "unknown"


class HeartbeatSender:
    """Sends heartbeats.

    Failed heartbeats are neither retried nor logged: counters are cumulative, so the next heartbeat
    covers the gap.

    Attributes:
        next_at: When the next heartbeat is due, in monotonic seconds; ``inf`` while one is sent.
        reported_end: The numbers of tracked and waiting events, if the latest heartbeat reported
            the end of a lifespan; else None.
    """

    def __init__(
        self,
        config: FlusherConfig,
        *,
        transport: AcceptsHeartbeats,
        header: Envelope,
        stats: Callable[[], Stats],
    ) -> None:
        self.next_at: float = math.inf
        self.reported_end: tuple[int, int] | None = None
        self._reports_end = False
        self._transport: Final = transport
        self._header: Final = header
        self._stats: Final = stats
        self._clock: Final = config.clock
        self._suppress_errors: Final = config.guard.suppress_errors("heartbeat")
        self._started_at = 0

    def start(self) -> None:
        """Schedule the first heartbeat."""
        self._started_at = epoch_ms()
        self.next_at = self._clock() + FIRST_SECONDS

    def request_end(self) -> None:
        """Send a heartbeat that reports the end, in the next turn; callable from any thread.

        A process that goes on after its lifespan sends further heartbeats, so it is live again.
        """
        self._reports_end = True
        self.next_at = 0.0

    async def send(self) -> None:
        """Send a heartbeat, and schedule the next one as the answer asks."""
        ended, self._reports_end = self._reports_end, False
        heartbeat = self._heartbeat(ended=ended)
        answer = await self._post(heartbeat, TIMEOUT_SECONDS)
        queue = heartbeat.queue
        self.reported_end = (queue.tracked, queue.waiting) if ended else None
        interval: float = HEARTBEAT_INTERVAL
        if answer is not None:
            with suppress(MalformedBatchError):
                interval = decode_heartbeat_answer(answer).heartbeat_interval
        pause = min(max(interval, SHORTEST_INTERVAL), LONGEST_INTERVAL)
        self.next_at = self._clock() + (0.0 if self._reports_end else pause)

    async def send_last(self, deadline: float | None) -> None:
        """Send the last heartbeat of the process, if there is time left."""
        seconds = LAST_TIMEOUT_SECONDS
        if deadline is not None:
            seconds = min(seconds, deadline - self._clock())
        if seconds > 0:
            await self._post(self._heartbeat(ended=True, drops=True), seconds)

    async def _post(self, heartbeat: Heartbeat, seconds: float) -> bytes | None:
        with self._suppress_errors:
            body = encode_heartbeat(heartbeat)
            return await self._transport.send_heartbeat(body, seconds=seconds)
        return None

    def _heartbeat(self, *, ended: bool, drops: bool = False) -> Heartbeat:
        header, stats = self._header, self._stats()
        return Heartbeat(
            instance_id=header.instance_id or str(os.getpid()),
            sdk=header.sdk or UNKNOWN_SDK,
            app=header.app,
            env=header.env,
            release=header.release,
            host=socket.gethostname()[:MAX_NAME_LENGTH] or None,
            pid=os.getpid(),
            python=sys.version.partition(" ")[0],
            started_at=self._started_at,
            sent_at=epoch_ms(),
            ended=ended,
            queue=_queue(stats, drops=drops),
            misuse=dict(islice(stats.misuse.items(), MAX_COUNTERS)),
        )


def _queue(stats: Stats, *, drops: bool) -> Queue:
    """Return the counters; the exit of the process drops the events in memory."""
    dropped, waiting = dict(stats.dropped), stats.waiting
    if drops and waiting > stats.spooled:
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
