"""Decode batches on threads, store them one after another and announce them."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from sqreen_mw.collector.clock import Clock, system_clock
from sqreen_mw.collector.events.base import AcceptedBatch, EventStore
from sqreen_mw.collector.fair_slots import FairSlots
from sqreen_mw.collector.operation_log import log_full_queue
from sqreen_mw.collector.sender_clocks import SenderClocks
from sqreen_mw.collector.state.apps import DEFAULT_ENVIRONMENT, Apps
from sqreen_mw.collector.tail import Tail
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.batch import DecodedBatch, IngestAnswer

MAX_WAITING: Final = 64
"""Maximum number of waiting batches. Each has at most 1 MiB, which limits memory.

A token without a waiting batch finds a place up to twice this number.
"""

MAX_OF_ONE_TOKEN: Final = MAX_WAITING // 4
"""Maximum number of waiting batches of one token, so that the others find a place."""

WAIT_SECONDS: Final = 30.0
"""Maximum time to wait for a thread."""

_THREADS: Final = 2

_MAX_RECORDED: Final = 1000


class Pipeline:
    """Stores batches. Threads decode them, so the event loop stays free.

    Each token has one thread at most, and waiting tokens take turns: a token with many or slow
    batches does not stop the others.

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
        self._waiting: Counter[str] = Counter()
        self._turns = FairSlots(
            _THREADS, per_owner=1, most_waiting=MAX_OF_ONE_TOKEN, seconds=WAIT_SECONDS
        )
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sqreen-ingest")
        self._lock = threading.Lock()

    async def submit(
        self,
        read: Callable[[], tuple[str, DecodedBatch]],
        *,
        token_id: str,
        imported: bool = False,
    ) -> IngestAnswer:
        """Store the batch that ``read`` returns with its app, and return the answer.

        ``read`` runs on a thread. Its exceptions are raised here. ``imported`` marks the events.

        Raises:
            StoreError: The batch cannot be written, or too many batches are waiting.
        """

        def job() -> IngestAnswer:
            app, batch = read()
            return self.accept(batch, app=app, imported=imported)

        with self._place(token_id):
            async with self._turns.slot(token_id):
                return await asyncio.get_running_loop().run_in_executor(self._threads, job)

    def accept(self, batch: DecodedBatch, *, app: str, imported: bool = False) -> IngestAnswer:
        """Write a batch and announce it.

        Raises:
            StoreError: The batch cannot be written. A part may be stored; sent again, it is a
                duplicate.
        """
        with self._lock:
            return self._write(batch, app, imported=imported)

    def close(self) -> None:
        """Write the batches that are being decoded, then stop the threads."""
        self._threads.shutdown()

    @contextmanager
    def _place(self, token_id: str) -> Iterator[None]:
        of_token, of_all = self._waiting[token_id], self._waiting.total()
        most = MAX_WAITING if of_token else 2 * MAX_WAITING
        if of_token >= MAX_OF_ONE_TOKEN or of_all >= most:
            log_full_queue(token_id, of_token, of_all)
            raise StoreError(
                f"{of_all} batches are already waiting to be written, {of_token} of them from this "
                f"token; at most {MAX_WAITING} may wait, {MAX_OF_ONE_TOKEN} of one token"
            )
        self._waiting[token_id] += 1
        try:
            yield
        finally:
            self._waiting[token_id] -= 1
            if not self._waiting[token_id]:
                del self._waiting[token_id]

    def _write(self, batch: DecodedBatch, app: str, *, imported: bool) -> IngestAnswer:
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
                sent_at=batch.envelope.sent_at,
                imported=imported,
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

    def _record_environment(self, app: str, env: str) -> None:
        if (app, env) in self._recorded:
            return
        self._apps.add_environment(app, env)
        if len(self._recorded) >= _MAX_RECORDED:
            self._recorded.clear()
        self._recorded.add((app, env))
