"""The JSON batch: how events travel from an agent to the collector, and the answer to it."""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct, field

from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.event import Event, Milliseconds, Name
from sqreen_mw.protocol.json_errors import JSON_ERRORS, json_error_text
from sqreen_mw.protocol.limits import MAX_BATCH_EVENTS, MAX_EVENT_BYTES

WIRE_VERSION: Final = 1
"""Raised by one with every change that an older collector could not read."""


class Envelope(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A batch whose events are still encoded, one JSON object each.

    ``app`` may be left out: the token names it. ``sent_at`` is the sender's clock, so that the
    collector can tell how far it is off; it never changes an event's own timestamp.
    """

    version: int = WIRE_VERSION
    sdk: Name | None = None
    app: Name | None = None
    env: Name | None = None
    release: Name | None = None
    instance_id: Name | None = None
    sent_at: Milliseconds | None = None
    events: Annotated[list[Raw], Meta(max_length=MAX_BATCH_EVENTS)]


class Rejection(Struct, frozen=True, kw_only=True):
    """Why one event of a batch was not taken; ``index`` is its place, counted from 0."""

    index: int
    code: str
    detail: str
    id: str | None = None


class IngestAnswer(Struct, frozen=True, kw_only=True):
    """What became of a batch: accepted + duplicates + rejected is the number of events sent.

    ``seq`` is the store's sequence number after the batch; it only grows.
    """

    accepted: Annotated[int, Meta(ge=0)]
    duplicates: Annotated[int, Meta(ge=0)] = 0
    rejected: list[Rejection] = field(default_factory=list)
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class DecodedBatch:
    """A batch as the collector reads it: what is well-formed, and what is not."""

    envelope: Envelope
    events: list[Event]
    rejected: list[Rejection]


class _Id(Struct):
    id: str | None = None


_USUAL_BYTES: Final = 512
_encoder: Final = msgspec.json.Encoder()
_envelope_decoder: Final = msgspec.json.Decoder(Envelope)
_event_decoder: Final = msgspec.json.Decoder(Event)
_id_decoder: Final = msgspec.json.Decoder(_Id)
_answer_decoder: Final = msgspec.json.Decoder(IngestAnswer)


def encode_event(event: Event) -> bytes:
    """Return an event's JSON, UTF-8."""
    # encode() returns what it has written in, and holds half as much again: many events wait.
    written = bytearray(_USUAL_BYTES)
    _encoder.encode_into(event, written)
    return bytes(written)


def encode_batch(envelope: Envelope) -> bytes:
    """Return a batch's JSON, UTF-8; its events are put in as they are."""
    return _encoder.encode(envelope)


def encode_answer(answer: IngestAnswer) -> bytes:
    """Return the JSON of the answer to a batch, UTF-8."""
    return _encoder.encode(answer)


def decode_event(data: bytes) -> Event:
    """Return the event of its JSON.

    Raises:
        MalformedBatchError: With the path or the byte of the fault.
    """
    try:
        return _event_decoder.decode(data)
    except JSON_ERRORS as error:
        raise MalformedBatchError(json_error_text(error, data)) from error


def decode_answer(data: bytes) -> IngestAnswer:
    """Return the collector's answer to a batch.

    Raises:
        MalformedBatchError: The text is no such answer.
    """
    try:
        return _answer_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBatchError(json_error_text(error, data)) from error


def decode_envelope(data: bytes) -> Envelope:
    """Return a batch whose events are not looked at.

    Raises:
        MalformedBatchError: With the path or the byte of the fault.
    """
    try:
        return _envelope_decoder.decode(data)
    except JSON_ERRORS as error:
        raise MalformedBatchError(json_error_text(error, data)) from error


def decode_batch(data: bytes) -> DecodedBatch:
    """Return a batch's well-formed events and a rejection for each of the others.

    Raises:
        MalformedBatchError: The batch itself can't be read; the message holds the path or the
            byte of the fault.
    """
    envelope = decode_envelope(data)
    if envelope.version != WIRE_VERSION:
        raise MalformedBatchError(
            f"version {envelope.version} is not spoken here, only {WIRE_VERSION}: "
            "upgrade the collector before the SDK"
        )
    events: list[Event] = []
    rejected: list[Rejection] = []
    for index, raw in enumerate(envelope.events):
        verdict = _decode_one(index, raw)
        if isinstance(verdict, Rejection):
            rejected.append(verdict)
        else:
            events.append(verdict)
    return DecodedBatch(envelope=envelope, events=events, rejected=rejected)


def _decode_one(index: int, raw: Raw) -> Event | Rejection:
    size = len(memoryview(raw))
    if size > MAX_EVENT_BYTES:
        detail = f"the event has {size} bytes, at most {MAX_EVENT_BYTES} are taken"
        return Rejection(index=index, id=_readable_id(raw), code="event_too_large", detail=detail)
    try:
        return _event_decoder.decode(raw)
    except JSON_ERRORS as error:
        return Rejection(
            index=index, id=_readable_id(raw), code="invalid_event", detail=json_error_text(error)
        )


def _readable_id(raw: Raw) -> str | None:
    try:
        return _id_decoder.decode(raw).id
    except JSON_ERRORS:
        return None
