"""Ids of imported events: the same row has the same id in each run."""

from collections import OrderedDict
from hashlib import blake2b
from typing import Any, Final

import msgspec

MAX_REMEMBERED: Final = 200_000
"""Two identical rows are two events if fewer different rows are between them."""

_PERSON: Final = b"sqreen-import"
_encode: Final = msgspec.json.Encoder(order="sorted").encode


class RowIds:
    """The hashes of the rows of one file.

    A hash is of the row's own id, or of its values and the number of identical rows before it. A
    second run therefore stores nothing twice.
    """

    def __init__(self) -> None:
        # A dict needs long to find its first entry after many have been deleted.
        self._seen: Final = OrderedDict[bytes, int]()

    def bits(self, values: dict[str, Any], *, own_id: str | None) -> str:
        """Return the hash of a row, hexadecimal. Call it once for each row, in their order.

        Args:
            values: The row's values.
            own_id: The value of the column with ids, if there is one.
        """
        if own_id is None:
            content = _encode(values)
            content = b"row:%d:%b" % (self._occurrence(content), content)
        else:
            content = b"id:" + own_id.encode("utf-8", "replace")
        return blake2b(content, digest_size=10, person=_PERSON).hexdigest()

    def _occurrence(self, content: bytes) -> int:
        digest = blake2b(content, digest_size=8).digest()
        number = self._seen.pop(digest, 0)
        self._seen[digest] = number + 1
        if len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)
        return number


def event_id(timestamp: int, bits: str) -> str:
    """Return the id of an event: its time in milliseconds, and the hash of its row."""
    when = f"{timestamp:012x}"
    variant = "89ab"[int(bits[3], 16) & 3]
    return f"{when[:8]}-{when[8:]}-7{bits[:3]}-{variant}{bits[4:7]}-{bits[7:19]}"
