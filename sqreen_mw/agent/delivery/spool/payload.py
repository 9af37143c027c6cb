"""A batch as a record's payload: its id, and its bytes as they travel."""

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
_decoder: Final = msgspec.msgpack.Decoder(_Payload)


def encode_payload(batch: Batch) -> bytes:
    """Return a batch's id and bytes as one."""
    return _encoder.encode(_Payload(batch.id, batch.body))


def decode_payload(data: bytes) -> Batch:
    """Return the batch with the id and the bytes that it had; its events count as of this moment.

    Raises:
        MalformedBatchError: It is no batch.
    """
    try:
        payload = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBatchError(str(error)) from error
    envelope = decode_envelope(payload.body)
    tracked_at = [time.monotonic()] * len(envelope.events)
    return Batch(id=payload.id, envelope=envelope, tracked_at=tracked_at, body=payload.body)
