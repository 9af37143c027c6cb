"""The heartbeat: what a process says of itself once a minute, and the answer to it."""

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.event import Milliseconds, Name
from sqreen_mw.protocol.json_errors import JSON_ERRORS, json_error_text
from sqreen_mw.protocol.limits import MAX_COUNT, MAX_COUNTERS

HEARTBEAT_VERSION: Final = 1
"""Raised by one with every change that an older collector could not read."""

HEARTBEAT_INTERVAL: Final = 60
"""Seconds between two heartbeats of a process."""

INTENTIONAL_DROP_REASONS: Final = frozenset({"before_send"})
"""Reasons of dropping that are the app's own wish; every other one is a loss."""

Count: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Counter: TypeAlias = Annotated[
    dict[Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*$", max_length=64)], Count],
    Meta(max_length=MAX_COUNTERS),
]


class Queue(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What became of the events: tracked + replayed = delivered + waiting + all of dropped.

    All but ``waiting`` and ``spooled`` count from the process's beginning, so they only grow.
    ``spooled`` ones of those that wait lie on disk, where they outlive the process; ``replayed``
    ones were left there by other processes.
    """

    tracked: Count
    delivered: Count
    waiting: Count
    dropped: Counter = field(default_factory=dict)
    spooled: Count = 0
    replayed: Count = 0


class Heartbeat(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What one process says of itself; a process that is started again is another instance.

    ``app`` may be left out: the token names it. ``sent_at`` is the sender's clock. ``ended`` says
    that this is the last one: what waits then is delivered by another process, if it is spooled.
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
    """The collector's clock, in milliseconds since the epoch, and when it expects the next one.

    ``heartbeat_interval`` is in seconds.
    """

    server_time: Milliseconds
    heartbeat_interval: Annotated[float, Meta(gt=0)] = HEARTBEAT_INTERVAL


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Heartbeat)
_answer_decoder: Final = msgspec.json.Decoder(HeartbeatAnswer)


def encode_heartbeat(message: Heartbeat | HeartbeatAnswer) -> bytes:
    """Return the JSON of a heartbeat, or of the answer to one, UTF-8."""
    return _encoder.encode(message)


def decode_heartbeat(data: bytes) -> Heartbeat:
    """Return the heartbeat of its JSON.

    Raises:
        MalformedBatchError: With the path or the byte of the fault.
    """
    try:
        heartbeat = _decoder.decode(data)
    except JSON_ERRORS as error:
        raise MalformedBatchError(json_error_text(error, data)) from error
    if heartbeat.version != HEARTBEAT_VERSION:
        raise MalformedBatchError(
            f"version {heartbeat.version} of heartbeats is not spoken here, only "
            f"{HEARTBEAT_VERSION}: upgrade the collector before the SDK"
        )
    return heartbeat


def decode_heartbeat_answer(data: bytes) -> HeartbeatAnswer:
    """Return the collector's answer to a heartbeat.

    Raises:
        MalformedBatchError: The text is no such answer.
    """
    try:
        return _answer_decoder.decode(data)
    except JSON_ERRORS as error:
        raise MalformedBatchError(json_error_text(error, data)) from error
