"""Event ids: UUIDs of version 7, which sort by time (RFC 9562, section 5.7)."""

import os
import time
import uuid
from functools import lru_cache
from itertools import count
from random import Random
from typing import Final

EVENT_ID_PATTERN: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
EVENT_ID_LENGTH: Final = 36

_RANDOM_BITS: Final = 24
_START_BITS: Final = 47
"""The counter has 48 bits and starts below half of its range, so that it can grow."""


class _IdSource:
    """The ids of one process: random bits for each millisecond, and a counter.

    Ids of two processes are equal only if their random bits and their counters, which start at
    random numbers, are equal in the same millisecond. ``os.urandom`` is not used for each id
    because it releases the GIL, and the caller would have to wait for it.
    """

    __slots__ = ("count", "pid", "prefix")

    def __init__(self, pid: int) -> None:
        random_bits = Random().getrandbits  # noqa: S311 an id is not a secret

        @lru_cache(maxsize=8)
        def prefix(milliseconds: int) -> str:
            when = f"{milliseconds & 0xFFFF_FFFF_FFFF:012x}"
            bits = f"{random_bits(_RANDOM_BITS):06x}"
            # 8 is the variant followed by two zero bits.
            return f"{when[:8]}-{when[8:]}-7{bits[:3]}-8{bits[3:]}-"

        self.pid: Final = pid
        self.prefix: Final = prefix
        self.count: Final = count(random_bits(_START_BITS))


# By process id, because some forks run no hooks, such as those of uWSGI.
_id_source: Final = lru_cache(maxsize=1)(_IdSource)


def new_event_id(milliseconds: int | None = None) -> str:
    """Return a new id that sorts after the ids of earlier milliseconds.

    Args:
        milliseconds: Time of creation in milliseconds since the epoch, UTC; by default now.
    """
    if milliseconds is None:
        milliseconds = time.time_ns() // 1_000_000
    source = _id_source(os.getpid())
    return f"{source.prefix(milliseconds)}{next(source.count):012x}"


def event_id_bytes(event_id: str) -> bytes:
    """Return the 16 bytes of an id, which sort like its text."""
    return uuid.UUID(event_id).bytes
