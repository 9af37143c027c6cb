"""A segment as the batches that it holds."""

import errno
from typing import Final, NamedTuple

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.spool import files
from sqreen_mw.agent.delivery.spool.framing import MARK, framed, unframed
from sqreen_mw.agent.delivery.spool.payload import decode_payload, encode_payload
from sqreen_mw.errors import MalformedBatchError

HEAD: Final = len(MARK)
"""Bytes of a segment before its first record."""


class Batches(NamedTuple):
    """The whole batches of a segment, in order, and whether something else comes after."""

    batches: list[Batch]
    damaged: bool

    @property
    def events(self) -> int:
        """How many events they have."""
        return sum(map(len, self.batches))


def encode_record(batch: Batch) -> bytes:
    """Return a batch as a record of a segment."""
    return framed(encode_payload(batch))


def begin(directory: int, name: str, record: bytes) -> None:
    """Write a new segment.

    Raises:
        OSError: It can't be written.
    """
    files.create(directory, name, MARK + record)


def read_batches(directory: int, name: str) -> Batches:
    """Return the batches of a segment; of a link or a pipe in its place, none.

    Raises:
        OSError: It is not there, or can't be read now.
    """
    batches: list[Batch] = []
    try:
        contents = unframed(files.read(directory, name))
        for payload in contents.payloads:
            batches.append(decode_payload(payload))  # noqa: PERF401 those before a fault are kept
    except MalformedBatchError:
        return Batches(batches, damaged=True)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return Batches(batches, damaged=True)
    return Batches(batches, contents.damaged)
