"""Event ids: UUIDs of version 7, so that they sort by time (RFC 9562, section 5.7)."""

import os
import time
import uuid
from functools import lru_cache
from itertools import count
from random import Random
from typing import Final

EVENT_ID_PATTERN: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
EVENT_ID_LENGTH: Final = 36

_DRAWN_BITS: Final = 24
_FIRST_BITS: Final = 47
"""Of the 48 bits of the count, so that it has room to grow."""


class _Ids:
    """What ids of one process are made of: drawn bits for each moment, and a count.

    Two processes would have to draw the same bits in the same millisecond while their counts, whose
    beginnings are drawn, too, are the same. Nothing here lets other threads run, as ``os.urandom``
    does: the caller would wait for its turn.
    """

    __slots__ = ("beginning", "count")

    def __init__(self) -> None:
        draw = Random().getrandbits  # noqa: S311 an id is no secret

        @lru_cache(maxsize=8)
        def beginning(milliseconds: int) -> str:
            when = f"{milliseconds & 0xFFFF_FFFF_FFFF:012x}"
            drawn = f"{draw(_DRAWN_BITS):06x}"
            # 8 is the variant, and two zeros.
            return f"{when[:8]}-{when[8:]}-7{drawn[:3]}-8{drawn[3:]}-"

        self.beginning: Final = beginning
        self.count: Final = count(draw(_FIRST_BITS))


@lru_cache(maxsize=1)
def _ids_of(pid: int) -> _Ids:  # noqa: ARG001 a fork may run no hooks: uWSGI's does not
    """Return what ids of a process are made of; a forked child has its own."""
    return _Ids()


def new_event_id(milliseconds: int | None = None) -> str:
    """Return a new id that sorts after the ids of earlier milliseconds; no process has it twice.

    Args:
        milliseconds: Time of creation, since the epoch, UTC; the present by default.
    """
    if milliseconds is None:
        milliseconds = time.time_ns() // 1_000_000
    ids = _ids_of(os.getpid())
    return f"{ids.beginning(milliseconds)}{next(ids.count):012x}"


def event_id_bytes(event_id: str) -> bytes:
    """Return the 16 bytes of an id; they sort as the text does."""
    return uuid.UUID(event_id).bytes
