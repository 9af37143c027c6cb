"""Event ids: UUIDs of version 7, so that they sort by time (RFC 9562, section 5.7)."""

import os
import time
import uuid
from functools import lru_cache
from typing import Final

EVENT_ID_PATTERN: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
EVENT_ID_LENGTH: Final = 36

_RANDOM_BYTES: Final = 9


def new_event_id(milliseconds: int | None = None) -> str:
    """Return a new id that sorts after the ids of earlier milliseconds.

    The random part, 72 bits of it, comes from the operating system, so that forked processes never
    share it.

    Args:
        milliseconds: Time of creation, since the epoch, UTC; the present by default.
    """
    if milliseconds is None:
        milliseconds = time.time_ns() // 1_000_000
    chance = os.urandom(_RANDOM_BYTES).hex()
    beginning = _beginning(milliseconds)
    return f"{beginning}{chance[:3]}-8{chance[3:6]}-{chance[6:]}"  # 8: the variant, and two zeros


@lru_cache(maxsize=8)
def _beginning(milliseconds: int) -> str:
    """Return what ids of a moment have in common; many events share one."""
    when = f"{milliseconds & 0xFFFF_FFFF_FFFF:012x}"
    return f"{when[:8]}-{when[8:]}-7"


def event_id_bytes(event_id: str) -> bytes:
    """Return the 16 bytes of an id; they sort as the text does."""
    return uuid.UUID(event_id).bytes
