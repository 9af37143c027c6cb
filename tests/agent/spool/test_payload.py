"""A batch comes back from disk as it was cut."""

import time

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from sqreen_mw.agent.delivery.batch import Batch, make_batch
from sqreen_mw.agent.delivery.spool.payload import decode_payload, encode_mark, encode_payload
from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.batch import Envelope

HEADER = Envelope(app="shop", events=[])


def test_a_batch_keeps_its_id_and_bytes() -> None:
    """Id, bytes and events are those of the batch; its age begins anew."""
    events = [Raw(b'{"id":"1"}'), Raw(b'{"id":"2"}')]
    batch = make_batch(HEADER, events=events, tracked_at=[0.0, 0.0])

    before = time.monotonic()
    read = decode_payload(encode_payload(batch))

    assert isinstance(read, Batch)
    assert (read.id, read.body) == (batch.id, batch.body)
    assert [bytes(event) for event in read.envelope.events] == [b'{"id":"1"}', b'{"id":"2"}']
    assert all(before <= moment <= time.monotonic() for moment in read.tracked_at)


@given(st.binary(max_size=60))
def test_other_bytes_are_refused(data: bytes) -> None:
    """What is neither a batch nor a mark raises the one error that is caught."""
    try:
        said = decode_payload(data)
    except MalformedBatchError:
        return
    assert isinstance(said, int)


def test_a_mark_comes_back() -> None:
    """How many batches are settled is read as it was written."""
    assert decode_payload(encode_mark(7)) == 7
