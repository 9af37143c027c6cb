"""What a record says: a batch, by its id and its bytes; or how many before it are settled."""

import time
from typing import Final

import msgspec
from msgspec import Struct

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.batch import decode_envelope


class _Payload(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    id: str
    body: bytes


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Payload | int)


def encode_payload(batch: Batch) -> bytes:
    """Return a batch's id and bytes as one."""
    return _encoder.encode(_Payload(batch.id, batch.body))


def encode_mark(settled: int) -> bytes:
    """Return that so many of a segment's batches are settled, from the first on."""
    return _encoder.encode(settled)


def decode_payload(data: bytes) -> Batch | int:
    """Return a batch with the id and the bytes that it had, or how many batches are settled.

    The events of the batch count as of this moment.

    Raises:
        MalformedBatchError: It is neither.
    """
    try:
        payload = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBatchError(str(error)) from error
    if isinstance(payload, int):
        return payload
    envelope = decode_envelope(payload.body)
    tracked_at = [time.monotonic()] * len(envelope.events)
    return Batch(id=payload.id, envelope=envelope, tracked_at=tracked_at, body=payload.body)
