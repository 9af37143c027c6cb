"""The form of a segment: a mark, then records, each behind its length and a checksum of both.

::

    segment = MARK record*
    record  = length (4 bytes, big-endian)  CRC-32 of length and payload (4 bytes)  payload

Nothing that is read is trusted: what can't be the writer's own ends the reading.
"""

from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

MARK: Final = b"sqreen_mw spool 1\n"
"""How each segment begins; its number is raised with every change of the form."""

MAX_SEGMENT_BYTES: Final = 4 * 1024 * 1024
"""Bytes that are read of one file, whatever its size; a segment of ours is smaller."""

_HEAD: Final = Struct(">II")
_LENGTH: Final = Struct(">I")


class Contents(NamedTuple):
    """What a segment holds: whole payloads in order, and whether something else comes after."""

    payloads: list[bytes]
    damaged: bool


def framed(payload: bytes) -> bytes:
    """Return a payload as a record."""
    return _HEAD.pack(len(payload), _checksum(payload)) + payload


def unframed(segment: bytes) -> Contents:
    """Return what a segment's bytes hold up to the first fault; it never raises.

    A file that is empty is whole: its writer ended before the first record.
    """
    payloads: list[bytes] = []
    if not segment.startswith(MARK):
        return Contents(payloads, damaged=bool(segment))
    place = len(MARK)
    while place < len(segment):
        payload = _payload(segment, place)
        if payload is None:
            return Contents(payloads, damaged=True)
        payloads.append(payload)
        place += _HEAD.size + len(payload)
    return Contents(payloads, damaged=False)


def _payload(segment: bytes, place: int) -> bytes | None:
    """Return the payload of the record at a place, or None where there is no whole one."""
    start = place + _HEAD.size
    if start > len(segment):
        return None
    length, checksum = _HEAD.unpack_from(segment, place)
    payload = segment[start : start + length]
    return payload if len(payload) == length and _checksum(payload) == checksum else None


def _checksum(payload: bytes) -> int:
    return crc32(payload, crc32(_LENGTH.pack(len(payload))))
