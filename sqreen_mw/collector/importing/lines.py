"""Read the lines of a file with a limit on their length."""

import codecs
import io
from collections import deque
from typing import Final

from sqreen_mw.collector.importing.compression import decompressed, decompression_errors
from sqreen_mw.collector.importing.errors import FileFormatError

MAX_LINE: Final = 1024 * 1024
"""Maximum number of characters of a row."""

_UTF32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_START: Final = 1024


class Lines:
    """The lines of a file, one after another.

    Attributes:
        number: The number of the last line, from 1.
        is_cut: True if the last line was too long. Its rest is skipped.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        """Find the compression and the encoding.

        Raises:
            FileFormatError: The file is neither UTF-8 nor UTF-16 with a byte order mark.
        """
        self.number = 0
        self.is_cut = False
        self._errors: Final = decompression_errors()
        self._returned: Final = deque[str]()
        try:
            plain = decompressed(file)
            start = plain.peek(_START)[:_START]
        except self._errors as error:
            raise FileFormatError(f"the file cannot be decompressed: {error}") from error
        encoding, on_error = _encoding(start)
        self._text: Final = io.TextIOWrapper(plain, encoding, on_error, newline="\n")

    def read(self) -> str | None:
        """Return the next line with its end, or None after the last line.

        Raises:
            FileFormatError: The compressed file is damaged.
        """
        self.is_cut = False
        if self._returned:
            self.number += 1
            return self._returned.popleft()
        try:
            line = self._text.readline(MAX_LINE)
            rest = line
            while len(rest) == MAX_LINE and not rest.endswith("\n"):
                rest = self._text.readline(MAX_LINE)
                self.is_cut = self.is_cut or bool(rest)
        except self._errors as error:
            raise FileFormatError(
                f"the compressed file is damaged after line {self.number}: {error}"
            ) from error
        if not line:
            return None
        self.number += 1
        return line

    def unread(self, lines: list[str]) -> None:
        """Return lines, so that they are read again."""
        self._returned.extendleft(reversed(lines))
        self.number -= len(lines)


def _encoding(start: bytes) -> tuple[str, str]:
    """Return the encoding and the treatment of invalid bytes."""
    if start.startswith(_UTF32):
        raise FileFormatError("the file is UTF-32: convert it with 'iconv -t UTF-8'")
    if start.startswith(_UTF16):
        return "utf-16", "replace"
    if b"\0" in start[:4]:
        raise FileFormatError(
            "the file is binary, or UTF-16 without a byte order mark: convert it to UTF-8"
        )
    return "utf-8-sig", "surrogateescape"
