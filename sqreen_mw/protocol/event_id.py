"""Event ids: UUIDs of version 7, so that they sort by time (RFC 9562, section 5.7)."""

import os
import time
import uuid
from typing import Final

EVENT_ID_PATTERN: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
EVENT_ID_LENGTH: Final = 36

_RANDOM_BYTES: Final = 10
_VERSION_7: Final = 0x7 << 76
_VARIANT: Final = 0x2 << 62
_LOW_62: Final = (1 << 62) - 1
_BITS_12: Final = 0xFFF


def new_event_id(milliseconds: int | None = None) -> str:
    """Return a new id that sorts after the ids of earlier milliseconds.

    The random part comes from the operating system, so that forked processes never share it.

    Args:
        milliseconds: Time of creation, since the epoch, UTC; the present by default.
    """
    if milliseconds is None:
        milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(_RANDOM_BYTES))
    value = (
        (milliseconds & 0xFFFF_FFFF_FFFF) << 80
        | _VERSION_7
        | (random >> 62 & _BITS_12) << 64
        | _VARIANT
        | random & _LOW_62
    )
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def event_id_bytes(event_id: str) -> bytes:
    """Return the 16 bytes of an id; they sort as the text does."""
    return uuid.UUID(event_id).bytes
