"""Split a file into rows: NDJSON, CSV, TSV and access logs."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec

from sqreen_mw.collector.importing.access_log import access_log_values
from sqreen_mw.collector.importing.errors import FileFormatError, RowError
from sqreen_mw.collector.importing.lines import MAX_LINE, Lines

Format: TypeAlias = Literal["ndjson", "csv", "tsv", "combined"]

FORMATS: Final[tuple[Format, ...]] = get_args(Format)

_DELIMITERS: Final = ",\t;|"
_BAD_CHARACTERS: Final = re.compile("[\0\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file.

    Attributes:
        line: The number of its first line, from 1.
        text: Its original text.
        values: Its values by column; None if it cannot be read.
        problem: The reason why it cannot be read.
    """

    line: int
    text: str
    values: dict[str, Any] | None
    problem: str = ""


class Rows:
    """The rows of a file. Blank lines are left out.

    Attributes:
        format: The given or guessed format.
        columns: The header of CSV and TSV, empty for other formats.
    """

    def __init__(self, lines: Lines, *, wanted: Format | None = None) -> None:
        """Read the header.

        Raises:
            FileFormatError: The format is unknown, or the header has no usable names.
        """
        self._lines: Final = lines
        first = _first_line(lines)
        self.format: Final[Format] = wanted or _guess(first)
        self.columns: tuple[str, ...] = ()
        if self.format in {"csv", "tsv"}:
            header = lines.read() or ""
            self._delimiter = "\t" if self.format == "tsv" else _delimiter(header)
            if _BAD_CHARACTERS.search(header):
                raise FileFormatError("the header is not UTF-8: convert it with 'iconv -t UTF-8'")
            try:
                self.columns = _checked(self._fields(header, []))
            except csv.Error as error:
                raise FileFormatError(f"the header cannot be read: {error}") from error

    def __iter__(self) -> Iterator[Row]:
        """Read the rows until the end of the file."""
        while (line := self._lines.read()) is not None:
            if line.strip():
                yield self._row(line)

    def _row(self, line: str) -> Row:
        number = self._lines.number
        if self._lines.is_cut:
            return Row(number, line, None, f"the line is longer than {MAX_LINE:,} characters")
        taken = [line]
        try:
            values = self._values(line, taken)
        except csv.Error as error:
            # A quote without its end must not take the rows after it.
            self._lines.unread(taken[1:])
            return Row(number, line, None, str(error))
        except (RowError, msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            return Row(number, "".join(taken), None, str(error))
        text = "".join(taken)
        if _BAD_CHARACTERS.search(text):
            return Row(number, text, None, "the row contains NUL, or bytes that are not UTF-8")
        return Row(number, text, values)

    def _values(self, line: str, taken: list[str]) -> dict[str, Any]:
        if self.format == "ndjson":
            values = msgspec.json.decode(line)
            if not isinstance(values, dict):
                raise RowError("the line is not a JSON object")
            return values
        if self.format == "combined":
            return access_log_values(line)
        fields = self._fields(line, taken)
        if len(fields) != len(self.columns):
            raise RowError(
                f"the row has {len(fields)} values, but the header has {len(self.columns)} columns"
            )
        return dict(zip(self.columns, fields, strict=True))

    def _fields(self, line: str, taken: list[str]) -> list[str]:
        if '"' not in line:
            return line.rstrip("\r\n").split(self._delimiter)
        return next(csv.reader(self._more(line, taken), delimiter=self._delimiter, strict=True))

    def _more(self, line: str, taken: list[str]) -> Iterator[str]:
        yield line
        size = len(line)
        while (following := self._lines.read()) is not None:
            taken.append(following)
            size += len(following)
            if size > MAX_LINE:
                raise csv.Error("a quoted value has no end")
            yield following


def _first_line(lines: Lines) -> str:
    """Return the first line that is not blank; it is read again."""
    while (line := lines.read()) is not None:
        if line.strip():
            lines.unread([line])
            return line
    raise FileFormatError("the file is empty")


def _guess(first: str) -> Format:
    start = first.lstrip()[:1]
    if start == "{":
        return "ndjson"
    if start == "[":
        raise FileFormatError("the file is a JSON array: convert it with \"jq -c '.[]'\"")
    return "csv"


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


def _checked(names: list[str]) -> tuple[str, ...]:
    columns = tuple(name.strip() for name in names)
    if not all(columns):
        raise FileFormatError(f"column {columns.index('') + 1} of the header has no name: name it")
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise FileFormatError(f"the header repeats {', '.join(repeated)}: rename the columns")
    return columns
