"""A batch on its way: once cut, it keeps its events, its bytes and its id until it is settled."""

from collections.abc import Sequence
from typing import Final

from msgspec import Raw, Struct, structs

from sqreen_mw.protocol.batch import Envelope, encode_batch
from sqreen_mw.protocol.event_id import new_event_id


class Batch(Struct, frozen=True, kw_only=True):
    """Sealed events that travel together.

    ``tracked_at`` tells of each of them when it was tracked, in monotonic seconds. Resending is
    harmless: the collector knows each event by its id.
    """

    id: str
    envelope: Envelope
    tracked_at: list[float]
    body: bytes

    def __len__(self) -> int:
        return len(self.envelope.events)

    def halves(self) -> tuple["Batch", "Batch"]:
        """Return two new batches that hold this one's events."""
        middle = len(self) // 2
        return self._part(range(middle)), self._part(range(middle, len(self)))

    def since(self, moment: float) -> "Batch":
        """Return this batch, or a new one of the events that were tracked since then."""
        kept = [place for place, tracked in enumerate(self.tracked_at) if tracked >= moment]
        return self if len(kept) == len(self) else self._part(kept)

    def _part(self, places: Sequence[int]) -> "Batch":
        events = [self.envelope.events[place] for place in places]
        tracked_at = [self.tracked_at[place] for place in places]
        return make_batch(self.envelope, events=events, tracked_at=tracked_at)


def make_batch(header: Envelope, *, events: list[Raw], tracked_at: list[float]) -> Batch:
    """Return a new batch of sealed events under a header's fields."""
    envelope = structs.replace(header, events=events)
    body = encode_batch(envelope)
    return Batch(id=new_event_id(), envelope=envelope, tracked_at=tracked_at, body=body)


BATCH_EVENTS: Final = 500
"""Events of one batch."""

BATCH_BYTES: Final = 1024 * 1024 - 4096
"""Bytes of one batch before compression; the rest of the wire's MiB is the envelope's."""
