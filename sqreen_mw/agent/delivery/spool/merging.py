"""Merges small stored batches, so that a slow collector gets many events per request."""

from typing import Final

from msgspec import structs

from sqreen_mw.agent.delivery.batch import BATCH_BYTES, BATCH_EVENTS, Batch, make_batch
from sqreen_mw.agent.delivery.spool.batch_table import Row
from sqreen_mw.protocol.batch import Envelope


class BatchGroup:
    """Stored batches of one instance that fit into one batch.

    Attributes:
        rows: Their rows.
    """

    def __init__(self) -> None:
        self.rows: Final[list[Row]] = []
        self._batches: Final[list[Batch]] = []
        self._events = 0
        self._bytes = 0

    def add(self, row: Row, batch: Batch) -> bool:
        """Add a batch if it fits, as the first one always does; return whether it does."""
        events, size = self._events + len(batch), self._bytes + len(batch.body)
        if self.rows and (
            events > BATCH_EVENTS
            or size > BATCH_BYTES
            or _header(batch) != _header(self._batches[0])
        ):
            return False
        self.rows.append(row)
        self._batches.append(batch)
        self._events, self._bytes = events, size
        return True

    def merged(self) -> Batch:
        """Return one batch of all events; a single batch keeps its id."""
        if len(self._batches) == 1:
            return self._batches[0]
        events = [event for each in self._batches for event in each.envelope.events]
        tracked_at = [moment for each in self._batches for moment in each.tracked_at]
        return make_batch(_header(self._batches[0]), events=events, tracked_at=tracked_at)


def _header(batch: Batch) -> Envelope:
    return structs.replace(batch.envelope, events=[])
