"""Merges small stored batches, so that a slow collector gets many events per request."""

from collections.abc import Sequence

from msgspec import structs

from sqreen_mw.agent.delivery.batch import BATCH_BYTES, BATCH_EVENTS, Batch, make_batch
from sqreen_mw.protocol.batch import Envelope


def fits(batch: Batch, batches: Sequence[Batch]) -> bool:
    """Return whether a batch can be merged with others: of one instance, within the limits."""
    if not batches:
        return True
    return (
        len(batch) + sum(map(len, batches)) <= BATCH_EVENTS
        and len(batch.body) + sum(len(each.body) for each in batches) <= BATCH_BYTES
        and _header(batch) == _header(batches[0])
    )


def merge(batches: Sequence[Batch]) -> Batch:
    """Return one batch of all events; a single batch keeps its id."""
    if len(batches) == 1:
        return batches[0]
    events = [event for each in batches for event in each.envelope.events]
    tracked_at = [moment for each in batches for moment in each.tracked_at]
    return make_batch(_header(batches[0]), events=events, tracked_at=tracked_at)


def _header(batch: Batch) -> Envelope:
    return structs.replace(batch.envelope, events=[])
