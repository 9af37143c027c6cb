"""A segment as the batches that it holds."""

import errno
from typing import Final, NamedTuple

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.spool import files
from sqreen_mw.agent.delivery.spool.framing import MARK, framed, unframed
from sqreen_mw.agent.delivery.spool.payload import decode_payload, encode_mark, encode_payload
from sqreen_mw.errors import MalformedBatchError

MARK_BYTES: Final = len(framed(encode_mark(2**31)))
"""Bytes of what ``mark`` writes, at most."""

HEAD: Final = len(MARK)
"""Bytes of a segment before its first record."""


class Batches(NamedTuple):
    """The whole batches of a segment, in order.

    ``damaged`` is whether something else comes after; the first ``settled`` ones are done with.
    """

    batches: list[Batch]
    damaged: bool
    settled: int = 0

    @property
    def events(self) -> int:
        """How many events are not settled."""
        return sum(map(len, self.batches[self.settled :]))


def encode_record(batch: Batch) -> bytes:
    """Return a batch as a record of a segment."""
    return framed(encode_payload(batch))


def mark(directory: int, name: str, settled: int) -> None:
    """Write that so many batches of a segment are settled, for who sends the others.

    Raises:
        OSError: It can't be written.
    """
    files.append(directory, name, framed(encode_mark(settled)))


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
    try:
        contents = unframed(files.read(directory, name))
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return Batches([], damaged=True)
    batches: list[Batch] = []
    settled, damaged = 0, contents.damaged
    for payload in contents.payloads:
        try:
            said = decode_payload(payload)
        except MalformedBatchError:
            damaged = True
            break
        if isinstance(said, Batch):
            batches.append(said)
        else:
            settled = min(max(said, settled), len(batches))
    return Batches(batches, damaged, settled)
