"""Open the rows of a file with their mapping."""

import io
import sys
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec

from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.importing.formats import Format, Row, Rows
from sqreen_mw.collector.importing.lines import Lines
from sqreen_mw.collector.importing.mapping import (
    PRESETS,
    Mapping,
    check_mapping,
    guess_mapping,
    load_mapping,
)
from sqreen_mw.collector.importing.rows import EventBuilder
from sqreen_mw.collector.importing.times import TimeReader, load_zone
from sqreen_mw.errors import ConfigurationError
from sqreen_mw.scrubbing.scrubber import NullScrubber, Scrubber

STDIN: Final = "-"

_SAMPLED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The options that decide how rows become events."""

    format: Format | None
    mapping_file: Path | None
    preset: str | None
    timezone: str | None
    trusted: bool

    @property
    def preset_mapping(self) -> Mapping | None:
        """The given mapping, or None if it must be guessed.

        Raises:
            ConfigurationError: The file or the preset is wrong.
        """
        if self.mapping_file is not None and self.preset is not None:
            raise ConfigurationError("use --mapping or --preset, not both")
        if self.mapping_file is not None:
            return load_mapping(self.mapping_file)
        if self.preset is None:
            return PRESETS["combined"] if self.format == "combined" else None
        if self.preset not in PRESETS:
            raise ConfigurationError(f"--preset {self.preset!r}: use {' or '.join(PRESETS)}")
        return PRESETS[self.preset]

    @property
    def row_format(self) -> Format | None:
        """The given format, or None if it must be guessed."""
        return "combined" if self.preset == "combined" else self.format


class Source:
    """The rows of one file, and the builder of their events.

    Attributes:
        rows: The rows, to be read once.
        mapping: The given or guessed mapping.
        builder: Builds the events.
        size: The bytes of the file, None for a pipe.
    """

    def __init__(self, name: str, file: io.BufferedReader, reading: Reading) -> None:
        """Read the first rows.

        Raises:
            ConfigurationError: The file or an option is wrong.
        """
        self._file: Final = file
        self.size: Final = None if name == STDIN else Path(name).stat().st_size
        # Kept, because the file would be closed with its last row.
        self._rows: Final = Rows(Lines(file), wanted=reading.row_format)
        iterator = iter(self._rows)
        sample = [row for _, row in zip(range(_SAMPLED), iterator, strict=False)]
        self.rows: Final = chain(sample, iterator)
        columns = self._rows.columns or _columns(sample)
        mapping = reading.preset_mapping
        self.mapping: Final = guess_mapping(columns) if mapping is None else mapping
        check_mapping(self.mapping, self._rows.columns)
        zone = load_zone(reading.timezone) if reading.timezone else None
        self.builder: Final = EventBuilder(
            self.mapping,
            times=TimeReader(zone=zone, now=system_clock()),
            scrubber=NullScrubber() if reading.trusted else Scrubber(),
        )

    @property
    def position(self) -> int:
        """The number of bytes that have been read."""
        return self._file.tell()

    def identity(self, name: str, options: Any) -> str:
        """Return a text that differs if the file, the mapping or an option differs."""
        stat = Path(name).stat()
        parts = (str(Path(name).resolve()), stat.st_size, stat.st_mtime_ns, self.mapping, options)
        return blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()


def opened(name: str) -> io.BufferedReader:
    """Open a file or stdin.

    Raises:
        ConfigurationError: The file cannot be opened.
    """
    if name == STDIN:
        return io.BufferedReader(sys.stdin.buffer)  # type: ignore[arg-type]  # a reader of bytes
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise ConfigurationError(f"{name}: {error.strerror}") from error


def _columns(sample: list[Row]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for row in sample if row.values for key in row.values))
