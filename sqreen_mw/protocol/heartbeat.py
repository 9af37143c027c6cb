"""Heartbeats of instances, once a minute, and the collector's answer."""

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.event import Milliseconds, Name
from sqreen_mw.protocol.json_errors import JSON_ERRORS, json_error_text
from sqreen_mw.protocol.json_numbers import with_integers
from sqreen_mw.protocol.limits import MAX_COUNT, MAX_COUNTERS

HEARTBEAT_VERSION: Final = 1
"""Incremented with each change that an older collector can't read."""

HEARTBEAT_INTERVAL: Final = 60
"""Seconds between two heartbeats of an instance."""

INTENTIONAL_DROP_REASONS: Final = frozenset({"before_send"})
"""Drops that the app wants. All other reasons are losses."""

Count: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Counter: TypeAlias = Annotated[
    dict[Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*$", max_length=64)], Count],
    Meta(max_length=MAX_COUNTERS),
]


class Queue(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The event counters: tracked + replayed = delivered + waiting + dropped.

    All counters except ``waiting`` and ``spooled`` start with the process and only grow.
    ``spooled`` is the part of ``waiting`` that is on disk and survives the process. ``replayed``
    events were spooled by other processes.
    """

    tracked: Count
    delivered: Count
    waiting: Count
    dropped: Counter = field(default_factory=dict)
    spooled: Count = 0
    replayed: Count = 0


class Heartbeat(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The state of one instance. A restarted process is another instance.

    ``app`` is optional because the token belongs to an app. ``sent_at`` is the sender's clock.
    ``ended`` marks the last heartbeat: another process delivers the events that are spooled then.
    """

    version: int = HEARTBEAT_VERSION
    instance_id: Name
    sdk: Name
    app: Name | None = None
    env: Name | None = None
    release: Name | None = None
    host: Name | None = None
    pid: Count | None = None
    python: Name | None = None
    started_at: Milliseconds
    sent_at: Milliseconds
    ended: bool = False
    queue: Queue
    misuse: Counter = field(default_factory=dict)


class HeartbeatAnswer(Struct, frozen=True, kw_only=True):
    """The collector's clock in milliseconds since the epoch, and the interval in seconds.

    The agent sends its next heartbeat after the interval.
    """

    server_time: Milliseconds
    heartbeat_interval: Annotated[float, Meta(gt=0)] = HEARTBEAT_INTERVAL


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Heartbeat)
_answer_decoder: Final = msgspec.json.Decoder(HeartbeatAnswer)


def encode_heartbeat(message: Heartbeat | HeartbeatAnswer) -> bytes:
    """Return the JSON of a heartbeat or an answer, UTF-8."""
    return _encoder.encode(message)


def decode_heartbeat(data: bytes) -> Heartbeat:
    """Decode a heartbeat.

    Raises:
        MalformedBatchError: The JSON is not a valid heartbeat.
    """
    try:
        heartbeat = _decode_lenient(data)
    except JSON_ERRORS as error:
        raise MalformedBatchError(json_error_text(error, data)) from error
    if heartbeat.version != HEARTBEAT_VERSION:
        raise MalformedBatchError(
            f"version {heartbeat.version} of heartbeats is not supported, only "
            f"{HEARTBEAT_VERSION}: upgrade the collector before the SDK"
        )
    return heartbeat


def _decode_lenient(data: bytes) -> Heartbeat:
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError:
        return msgspec.convert(with_integers(msgspec.json.decode(data)), Heartbeat)


def decode_heartbeat_answer(data: bytes) -> HeartbeatAnswer:
    """Decode the collector's answer to a heartbeat.

    Raises:
        MalformedBatchError: The JSON is not a valid answer.
    """
    try:
        return _answer_decoder.decode(data)
    except JSON_ERRORS as error:
        raise MalformedBatchError(json_error_text(error, data)) from error
