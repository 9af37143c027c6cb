"""A batch keeps its events, its bytes and its id until it is settled."""

from collections.abc import Sequence
from typing import Final

from msgspec import Raw, Struct, structs

from sqreen_mw.protocol.batch import Envelope, encode_batch
from sqreen_mw.protocol.event_id import new_event_id


class Batch(Struct, frozen=True, kw_only=True):
    """Sealed events that are sent together.

    Resending is harmless: the collector recognises each event by its id.

    Attributes:
        id: The idempotency key.
        envelope: The events and the header.
        tracked_at: When each event was tracked, in monotonic seconds.
        body: The encoded envelope.
    """

    id: str
    envelope: Envelope
    tracked_at: list[float]
    body: bytes

    def __len__(self) -> int:
        return len(self.envelope.events)

    def halves(self) -> tuple["Batch", "Batch"]:
        """Return two new batches with the events of this one."""
        middle = len(self) // 2
        return self._part(range(middle)), self._part(range(middle, len(self)))

    def since(self, moment: float) -> "Batch":
        """Return this batch, or a new one without the events tracked before a moment."""
        kept = [place for place, tracked in enumerate(self.tracked_at) if tracked >= moment]
        return self if len(kept) == len(self) else self._part(kept)

    def _part(self, places: Sequence[int]) -> "Batch":
        events = [self.envelope.events[place] for place in places]
        tracked_at = [self.tracked_at[place] for place in places]
        return make_batch(self.envelope, events=events, tracked_at=tracked_at)


def make_batch(header: Envelope, *, events: list[Raw], tracked_at: list[float]) -> Batch:
    """Return a new batch of sealed events with the fields of a header."""
    envelope = structs.replace(header, events=events)
    body = encode_batch(envelope)
    return Batch(id=new_event_id(), envelope=envelope, tracked_at=tracked_at, body=body)


BATCH_EVENTS: Final = 500
"""The most events of a batch."""

BATCH_BYTES: Final = 1024 * 1024 - 4096
"""The most bytes of a batch before compression. The rest of the MiB is for the envelope."""
