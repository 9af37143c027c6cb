"""The file of settings, read and told of by line."""

import configparser
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqreen_mw.errors import ConfigurationError

SECTION: Final = "sqreen"


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a file, and the file's name with the line that it is in."""

    value: str
    place: str

    @property
    def has_comment(self) -> bool:
        """Whether the value ends in what looks like a comment: a ``#`` or ``;`` after a space."""
        return re.search(r"(?:^|\s)[#;]", self.value) is not None


def read_ini(path: Path) -> dict[str, Entry]:
    """Return the settings in a file's section ``[sqreen]``; an empty value is none.

    Raises:
        ConfigurationError: The file can't be read; the message names it and the line.
    """
    parser = configparser.RawConfigParser()
    try:
        text = path.read_text(encoding="utf-8-sig")
        parser.read_string(text)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} can't be read: it is no UTF-8 text") from error
    except configparser.Error as error:
        raise ConfigurationError(_fault(path, error)) from error
    if not parser.has_section(SECTION):
        raise ConfigurationError(f"{path} has no section: write [{SECTION}] above the settings")
    lines = _lines(text)
    return {
        key: Entry(value, f"{path}, line {lines.get(key, 1)}")
        for key, value in parser.items(SECTION)
        if value
    }


def _fault(path: Path, error: configparser.Error) -> str:
    match error:
        case configparser.DuplicateOptionError():
            return f"{path}, line {error.lineno}: {error.option} is set twice"
        case configparser.DuplicateSectionError():
            return f"{path}, line {error.lineno}: the section [{error.section}] is there twice"
        case configparser.MissingSectionHeaderError():
            return f"{path}, line {error.lineno}: write [{SECTION}] above the settings"
        case _:
            [(line, _), *_] = getattr(error, "errors", ()) or [(1, "")]
            return f"{path}, line {line}: write a setting a line, such as release = 1.2"


def _lines(text: str) -> dict[str, int]:
    """Return the number of the line that each key of the section is in, counted from 1."""
    numbers: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\[(.+)\]", line):
            section = header[1]
        elif section == SECTION and (key := re.match(r"\s*([^\s#;:=][^:=]*?)\s*[:=]", line)):
            numbers.setdefault(key[1].lower(), number)
    return numbers
