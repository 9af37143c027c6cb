"""Format text for a terminal with the standard library only."""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Final

_CODES: Final = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}
_CODE: Final = re.compile(r"\x1b\[\d+m")
_GAP: Final = 2
_NARROWEST: Final = 30


def styled(text: str, style: str) -> str:
    """Return the text in a style, if stdout is a terminal and NO_COLOR is not set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows in aligned columns. The last column is wrapped to the width of the terminal."""
    *narrow, _ = zip(*rows, strict=True)
    widths = [max(map(_width, column)) + _GAP for column in narrow]
    indent = " " * (_GAP + sum(widths))
    room = max(_NARROWEST, shutil.get_terminal_size().columns - len(indent))
    return "\n".join(_line(row, widths=widths, indent=indent, room=room) for row in rows)


def _line(row: Sequence[str], *, widths: list[int], indent: str, room: int) -> str:
    start = "".join(
        text + " " * (width - _width(text)) for text, width in zip(row[:-1], widths, strict=True)
    )
    wrapped = textwrap.wrap(row[-1], room, break_long_words=False, break_on_hyphens=False)
    return " " * _GAP + start + f"\n{indent}".join(wrapped)


def _width(text: str) -> int:
    return len(_CODE.sub("", text))
