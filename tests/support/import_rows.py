"""Rows of files and the builder of their events, in a fixed present."""

import io
from zoneinfo import ZoneInfo

from sqreen_mw.collector.importing.formats import Format, Row, Rows
from sqreen_mw.collector.importing.lines import Lines
from sqreen_mw.collector.importing.mapping import Mapping
from sqreen_mw.collector.importing.rows import EventBuilder
from sqreen_mw.collector.importing.times import TimeReader
from sqreen_mw.scrubbing.scrubber import Scrubber

NOW = 1_800_000_000_000
SIMPLE = Mapping(event="event", timestamp="timestamp")


def rows_of(data: bytes, wanted: Format | None = None) -> list[Row]:
    """Return the rows of a file with this content."""
    return list(Rows(Lines(io.BufferedReader(io.BytesIO(data))), wanted=wanted))


def builder_of(mapping: Mapping = SIMPLE, *, zone: str | None = None) -> EventBuilder:
    """Return a builder that scrubs events."""
    times = TimeReader(zone=ZoneInfo(zone) if zone else None, now=NOW)
    return EventBuilder(mapping, times=times, scrubber=Scrubber())
