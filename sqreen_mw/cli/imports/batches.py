"""Collect the events of rows into batches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec import Raw

from sqreen_mw.cli.imports.rejects import Reject
from sqreen_mw.collector.importing.errors import RowError
from sqreen_mw.collector.importing.formats import Row
from sqreen_mw.collector.importing.rows import EventBuilder
from sqreen_mw.protocol.batch import Envelope, encode_batch, encode_event
from sqreen_mw.protocol.limits import MAX_BATCH_EVENTS, MAX_EVENT_BYTES

MAX_EVENTS: Final = MAX_BATCH_EVENTS
"""Maximum number of events in a batch. Each batch costs the collector a commit."""

_MAX_BYTES: Final = 900 * 1024


@dataclass(slots=True)
class RowBatch:
    """The events of consecutive rows, and the rows without an event."""

    read: int = 0
    size: int = 0
    rows: list[Row] = field(default_factory=list)
    events: list[Raw] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether the batch must be sent before another row is read."""
        many = max(len(self.events), len(self.rejects))
        return many >= MAX_EVENTS or self.size >= _MAX_BYTES

    def add(self, row: Row, builder: EventBuilder) -> None:
        """Add a row or its rejection."""
        self.read += 1
        try:
            data = _encoded(row, builder)
        except RowError as error:
            self.size += len(row.text)
            self.rejects.append(Reject(row.line, str(error), row.text))
            return
        self.size += len(data)
        self.rows.append(row)
        self.events.append(Raw(data))

    def encoded(self, *, app: str | None, env: str | None) -> bytes:
        """Return the batch's JSON."""
        return encode_batch(Envelope(app=app, env=env, sdk="sqreen-mw import", events=self.events))


def batches(rows: Iterable[Row], builder: EventBuilder, *, skip: int) -> Iterator[RowBatch]:
    """Yield the batches of the rows after the first ``skip`` ones."""
    batch = RowBatch()
    for number, row in enumerate(rows):
        if number < skip:
            if row.values is not None:
                builder.skip(row.values)
            continue
        batch.add(row, builder)
        if batch.is_full:
            yield batch
            batch = RowBatch()
    if batch.read:
        yield batch


def _encoded(row: Row, builder: EventBuilder) -> bytes:
    if row.values is None:
        raise RowError(row.problem)
    try:
        data = encode_event(builder.build(row.values))
    except (UnicodeEncodeError, msgspec.MsgspecError) as error:
        raise RowError(str(error)) from error
    if len(data) > MAX_EVENT_BYTES:
        raise RowError(f"the event has {len(data):,} bytes, at most {MAX_EVENT_BYTES:,} fit")
    return data
