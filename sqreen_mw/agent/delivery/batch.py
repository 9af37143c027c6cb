"""A batch on its way: once cut, it keeps its events, its bytes and its id until it is settled."""

from typing import Final

from msgspec import Raw, Struct, structs

from sqreen_mw.protocol.batch import Envelope, encode_batch
from sqreen_mw.protocol.event_id import new_event_id


class Batch(Struct, frozen=True, kw_only=True):
    """Sealed events that travel together.

    ``oldest`` is when the first of them was tracked, in monotonic seconds. Resending is harmless:
    the collector knows each event by its id.
    """

    id: str
    envelope: Envelope
    oldest: float
    body: bytes

    def __len__(self) -> int:
        return len(self.envelope.events)

    def halves(self) -> tuple["Batch", "Batch"]:
        """Return two new batches that hold this one's events."""
        events = self.envelope.events
        middle = len(events) // 2
        first, second = (
            make_batch(self.envelope, events=part, oldest=self.oldest)
            for part in (events[:middle], events[middle:])
        )
        return first, second


def make_batch(header: Envelope, *, events: list[Raw], oldest: float) -> Batch:
    """Return a new batch of sealed events under a header's fields."""
    envelope = structs.replace(header, events=events)
    body = encode_batch(envelope)
    return Batch(id=new_event_id(), envelope=envelope, oldest=oldest, body=body)


BATCH_EVENTS: Final = 500
"""Events of one batch."""

BATCH_BYTES: Final = 1024 * 1024 - 4096
"""Bytes of one batch before compression; the rest of the wire's MiB is the envelope's."""
