"""Store batches on one thread and announce them."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sqreen_mw.collector.clock import Clock, system_clock
from sqreen_mw.collector.events.base import AcceptedBatch, EventStore
from sqreen_mw.collector.operation_log import log_full_queue
from sqreen_mw.collector.sender_clocks import SenderClocks
from sqreen_mw.collector.state.apps import DEFAULT_ENVIRONMENT, Apps
from sqreen_mw.collector.tail import Tail
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.batch import DecodedBatch, IngestAnswer

MAX_WAITING: Final = 32
"""Maximum number of waiting batches. Each has at most 1 MiB, which limits memory."""

_MAX_RECORDED: Final = 1000


class Pipeline:
    """Stores batches. The writer's thread decodes them, so the event loop stays free.

    Args:
        events: The event store.
        apps: Records the environments.
        tail: Announces the events.
        clock: Returns the time of receipt.

    Attributes:
        sender_clocks: The clocks of the senders.
    """

    def __init__(
        self, events: EventStore, *, apps: Apps, tail: Tail, clock: Clock = system_clock
    ) -> None:
        self._events = events
        self._apps = apps
        self._tail = tail
        self._clock = clock
        self.sender_clocks = SenderClocks()
        self._recorded: set[tuple[str, str]] = set()
        self._slots = threading.BoundedSemaphore(MAX_WAITING)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqreen-writer")

    async def submit(self, read: Callable[[], tuple[str, DecodedBatch]]) -> IngestAnswer:
        """Store the batch that ``read`` returns with its app, and return the answer.

        ``read`` runs on the writer's thread. Its exceptions are raised here.

        Raises:
            StoreError: The batch cannot be written, or too many batches are waiting.
        """
        if not self._slots.acquire(blocking=False):
            log_full_queue(MAX_WAITING)
            raise StoreError(f"{MAX_WAITING} batches are already waiting to be written")

        def job() -> IngestAnswer:
            try:
                app, batch = read()
                return self.accept(batch, app=app)
            finally:
                self._slots.release()

        return await asyncio.get_running_loop().run_in_executor(self._writer, job)

    def accept(self, batch: DecodedBatch, *, app: str) -> IngestAnswer:
        """Write a batch and announce it.

        Raises:
            StoreError: The batch cannot be written. Nothing of it is stored.
        """
        env = batch.envelope.env or DEFAULT_ENVIRONMENT
        received_at = self._clock()
        self.sender_clocks.compare(app, batch.envelope, received_at=received_at)
        self._record_environment(app, env)
        appended = self._events.append(
            AcceptedBatch(
                app=app,
                env=env,
                release=batch.envelope.release,
                received_at=received_at,
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
        """Write the waiting batches, then stop the thread."""
        self._writer.shutdown()

    def _record_environment(self, app: str, env: str) -> None:
        if (app, env) in self._recorded:
            return
        self._apps.add_environment(app, env)
        if len(self._recorded) >= _MAX_RECORDED:
            self._recorded.clear()
        self._recorded.add((app, env))
