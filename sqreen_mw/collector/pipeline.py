"""From a batch that an app may send to its answer: written by one thread, then announced."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sqreen_mw.collector.clock import Clock, system_clock
from sqreen_mw.collector.events.base import AcceptedBatch, EventStore
from sqreen_mw.collector.state.apps import DEFAULT_ENVIRONMENT, Apps
from sqreen_mw.collector.tail import Tail
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.batch import DecodedBatch, IngestAnswer

MAX_WAITING: Final = 32
"""Batches that wait for the writer; with at most 1 MiB each they bound the memory."""

_MAX_SEEN: Final = 1000


class Pipeline:
    """Accepts batches; reading them is part of the writer's work, so the event loop stays free.

    Args:
        events: Where the events go.
        apps: Where the environments are noted.
        tail: Who is told of the events.
        clock: Gives the time of receipt.
    """

    def __init__(
        self, events: EventStore, *, apps: Apps, tail: Tail, clock: Clock = system_clock
    ) -> None:
        self._events = events
        self._apps = apps
        self._tail = tail
        self._clock = clock
        self._seen: set[tuple[str, str]] = set()
        self._slots = threading.BoundedSemaphore(MAX_WAITING)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqreen-writer")

    async def submit(self, read: Callable[[], DecodedBatch], *, app: str) -> IngestAnswer:
        """Return the answer to the batch that ``read`` returns, once it is committed.

        ``read`` runs on the writer's thread; what it raises is raised here.

        Raises:
            StoreError: The batch could not be written, or too many wait already.
        """
        if not self._slots.acquire(blocking=False):
            raise StoreError(f"{MAX_WAITING} batches wait to be written already")

        def job() -> IngestAnswer:
            try:
                return self.accept(read(), app=app)
            finally:
                self._slots.release()

        return await asyncio.get_running_loop().run_in_executor(self._writer, job)

    def accept(self, batch: DecodedBatch, *, app: str) -> IngestAnswer:
        """Write a batch of an app and announce it.

        Raises:
            StoreError: It could not be written; nothing of it is there.
        """
        env = batch.envelope.env or DEFAULT_ENVIRONMENT
        self._note_environment(app, env)
        appended = self._events.append(
            AcceptedBatch(
                app=app,
                env=env,
                release=batch.envelope.release,
                received_at=self._clock(),
                events=batch.events,
            )
        )
        self._tail.announce(appended.seq)
        return IngestAnswer(
            accepted=appended.accepted,
            duplicates=appended.duplicates,
            rejected=batch.rejected,
            seq=appended.seq,
        )

    def close(self) -> None:
        """Finish what waits, then let go of the thread."""
        self._writer.shutdown()

    def _note_environment(self, app: str, env: str) -> None:
        if (app, env) in self._seen:
            return
        self._apps.add_environment(app, env)
        if len(self._seen) >= _MAX_SEEN:
            self._seen.clear()
        self._seen.add((app, env))
