"""Batches of events from agents to the collector, and the collector's answer."""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct, field, structs

from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.damaged_batch import SplitLimitError, split_batch
from sqreen_mw.protocol.event import Event, Milliseconds, Name, check_event
from sqreen_mw.protocol.json_errors import JSON_ERRORS, json_error_text
from sqreen_mw.protocol.json_numbers import with_integers
from sqreen_mw.protocol.limits import MAX_BATCH_EVENTS, MAX_EVENT_BYTES

WIRE_VERSION: Final = 1
"""Incremented with each change that an older collector can't read."""


class Envelope(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A batch whose events are still encoded, one JSON object each.

    ``app`` is optional because the token belongs to an app. ``sent_at`` is the sender's clock; the
    collector compares it with its own. It does not change the timestamps of events.
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
    """The reason why an event of a batch was rejected. ``index`` counts from 0."""

    index: int
    code: str
    detail: str
    id: str | None = None


class IngestAnswer(Struct, frozen=True, kw_only=True):
    """The result of a batch: accepted + duplicates + rejected is the number of sent events.

    ``seq`` is the store's sequence number after the batch. It only increases.
    """

    accepted: Annotated[int, Meta(ge=0)]
    duplicates: Annotated[int, Meta(ge=0)] = 0
    rejected: list[Rejection] = field(default_factory=list)
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class DecodedBatch:
    """A decoded batch: the valid events, and a rejection for each of the others."""

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
    # encode() returns a buffer that is larger than its content, and many events wait in memory.
    written = bytearray(_USUAL_BYTES)
    _encoder.encode_into(event, written)
    return bytes(written)


def encode_batch(envelope: Envelope) -> bytes:
    """Return a batch's JSON, UTF-8. Its events are already encoded."""
    return _encoder.encode(envelope)


def encode_answer(answer: IngestAnswer) -> bytes:
    """Return the JSON of the answer to a batch, UTF-8."""
    return _encoder.encode(answer)


def decode_event(data: bytes) -> Event:
    """Decode an event.

    Raises:
        MalformedBatchError: The JSON is not valid; the message contains the path of the error.
    """
    try:
        return _decode_checked(data)
    except JSON_ERRORS as error:
        raise MalformedBatchError(json_error_text(error, data)) from error


def _decode_checked(data: bytes | Raw) -> Event:
    event = _event_decoder.decode(data)
    check_event(event)
    return event


def decode_answer(data: bytes) -> IngestAnswer:
    """Decode the collector's answer to a batch.

    Raises:
        MalformedBatchError: The JSON is not a valid answer.
    """
    try:
        return _answer_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBatchError(json_error_text(error, data)) from error


def decode_envelope(data: bytes) -> Envelope:
    """Decode a batch, but not its events. An event may be anything between two commas.

    Raises:
        MalformedBatchError: The JSON is not valid; the message contains the path of the error.
    """
    try:
        return _envelope_decoder.decode(data)
    except JSON_ERRORS as error:
        try:
            envelope = _decode_damaged(data)
        except SplitLimitError as limit:
            text = f"{json_error_text(error, data)}; no event is stored, because {limit}"
            raise MalformedBatchError(text) from error
        if envelope is None:
            raise MalformedBatchError(json_error_text(error, data)) from error
        return envelope


def _decode_damaged(data: bytes) -> Envelope | None:
    """Decode a batch with undecodable events or whole floats, or return None for other faults."""
    try:
        split = split_batch(data)
        members = with_integers(msgspec.json.decode(split.envelope))
        envelope = msgspec.convert(members, Envelope)
    except (ValueError, *JSON_ERRORS):
        return None
    return structs.replace(envelope, events=list(map(Raw, split.events)))


def decode_batch(data: bytes) -> DecodedBatch:
    """Decode a batch into its valid events and a rejection for each of the others.

    Raises:
        MalformedBatchError: The batch itself can't be read.
    """
    envelope = decode_envelope(data)
    if envelope.version != WIRE_VERSION:
        raise MalformedBatchError(
            f"version {envelope.version} is not supported, only {WIRE_VERSION}: "
            "upgrade the collector before the SDK"
        )
    events: list[Event] = []
    rejected: list[Rejection] = []
    for index, raw in enumerate(envelope.events):
        decoded = _decode_one(index, raw)
        if isinstance(decoded, Rejection):
            rejected.append(decoded)
        else:
            events.append(decoded)
    return DecodedBatch(envelope=envelope, events=events, rejected=rejected)


def _decode_one(index: int, raw: Raw) -> Event | Rejection:
    size = len(memoryview(raw))
    if size > MAX_EVENT_BYTES:
        detail = f"the event has {size} bytes, at most {MAX_EVENT_BYTES} are allowed"
        return Rejection(index=index, id=_readable_id(raw), code="event_too_large", detail=detail)
    try:
        return _decode_checked(raw)
    except JSON_ERRORS as error:
        return Rejection(
            index=index, id=_readable_id(raw), code="invalid_event", detail=json_error_text(error)
        )


def _readable_id(raw: Raw) -> str | None:
    try:
        return _id_decoder.decode(raw).id
    except JSON_ERRORS:
        return None
