"""Where settings come from: keywords before variables, variables before the file."""

import configparser
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqreen_mw.agent.config.table import CONFIG_FILE, ORIGINAL, PREFIX, SETTINGS, Setting, nearest
from sqreen_mw.agent.config.validators import read_flag
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
    lines = _ini_lines(text)
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


def _ini_lines(text: str) -> dict[str, int]:
    """Return the number of the line that each key of the section is in, counted from 1."""
    numbers: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\[(.+)\]", line):
            section = header[1]
        elif section == SECTION and (key := re.match(r"\s*([^\s#;:=][^:=]*?)\s*[:=]", line)):
            numbers.setdefault(key[1].lower(), number)
    return numbers


COLLECTOR_PREFIX: Final = "SQREEN_COLLECTOR_"
"""Prefix of the variables of the collector, which the agent ignores."""

KEYWORD: Final = "keyword"
FILE: Final = "sqreen.ini"

_IN_TEXT: Final = {
    name: setting.variable for name, setting in SETTINGS.items() if not setting.keyword_only
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A value as somebody gave it, and where: a keyword, a variable, or a file and its line."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What all sources say together.

    Attributes:
        found: The value that holds, by the setting's name.
        notes: What is set to no effect, a sentence each.
        is_off: Whether a keyword or a variable switches everything off.
    """

    found: dict[str, Found]
    notes: tuple[str, ...]
    is_off: bool


def gather(keywords: Mapping[str, Any], environ: Mapping[str, str]) -> Sources:
    """Return what is set.

    The file is not looked for where a keyword or a variable switches everything off. A variable
    that nobody knows may be another program's, so it is noted; a keyword or a line is ours.

    Raises:
        ConfigurationError: A keyword or a line of the file is no setting, or the file is broken.
    """
    found = _keywords(keywords)
    for name, each in _variables(environ).items():
        found.setdefault(name, each)
    ignored = [name for name in environ if name.startswith(PREFIX) and not _is_known(name)]
    is_off = _is_off(found.get("disable"))
    file = None if is_off else _find_file(environ)
    for key, each in _lines(file).items() if file else ():
        if key in ORIGINAL:
            ignored.append(key)
        else:
            found.setdefault(key, each)
    return Sources(found=found, notes=_notes(ignored), is_off=is_off)


def _keywords(keywords: Mapping[str, Any]) -> dict[str, Found]:
    for name in keywords:
        if name not in SETTINGS:
            advice = nearest(name, {known: known for known in SETTINGS})
            raise ConfigurationError(f"{name!r} is no setting; {advice}")
    return {
        name: Found(value=value, origin=KEYWORD)
        for name, value in keywords.items()
        if value is not None
    }


def _variables(environ: Mapping[str, str]) -> dict[str, Found]:
    """Return what the environment sets; an empty variable is none."""
    return {
        name: Found(value=value, origin=variable)
        for name, variable in _IN_TEXT.items()
        if (value := environ.get(variable))
    }


def _is_known(variable: str) -> bool:
    return variable in {CONFIG_FILE, *_IN_TEXT.values()} or variable.startswith(COLLECTOR_PREFIX)


def _is_off(found: Found | None) -> bool:
    with suppress(ValueError):
        return found is not None and read_flag(found.value)
    return False


def _find_file(environ: Mapping[str, str]) -> Path | None:
    """Return the one file of settings, or None where there is none.

    That is the file that ``SQREEN_CONFIG_FILE`` names; else ``sqreen.ini`` in the working
    directory; else ``.sqreen.ini`` in the home directory.

    Raises:
        ConfigurationError: The named file is not there.
    """
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if named := environ.get(CONFIG_FILE):
        path = Path(home, named[2:]) if home and named.startswith("~/") else Path(named)
        if not _is_file(path):
            raise ConfigurationError(f"{CONFIG_FILE} names {named}, which is no file")
        return path
    places = [Path(FILE), *([Path(home, f".{FILE}")] if home else [])]
    return next(filter(_is_file, places), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # a home directory that is kept from services, say


def _lines(file: Path) -> dict[str, Found]:
    """Return what a file sets; what only the original had is among it."""
    # Imported here, as most apps have no file.
    from sqreen_mw.agent.config.sources import read_ini  # noqa: PLC0415

    entries = read_ini(file)
    for key, entry in entries.items():
        if key not in ORIGINAL:
            _check_key(key, entry.place)
        if key in SETTINGS and entry.has_comment:
            raise ConfigurationError(
                f"{entry.place}: {key} has a comment behind its value: write it on a line of its "
                f"own; where a # or ; after a space is meant, set {SETTINGS[key].variable} instead"
            )
    return {key: Found(value=each.value, origin=each.place) for key, each in entries.items()}


def _check_key(key: str, place: str) -> None:
    if key not in SETTINGS:
        advice = nearest(key, {name: name for name in _IN_TEXT})
        raise ConfigurationError(f"{place}: {key!r} is no setting; {advice}")
    if SETTINGS[key].keyword_only:
        raise ConfigurationError(f"{place}: {_of_app(SETTINGS[key])}")


def _notes(ignored: list[str]) -> tuple[str, ...]:
    """Return a sentence for each unknown name, and one for all that the original had."""
    notes: list[str] = []
    outdated: list[str] = []
    for each in sorted(ignored):
        name = each.removeprefix(PREFIX).lower()
        if name in ORIGINAL:
            outdated.append(f"{each} ({ORIGINAL[name]})")
        elif name in SETTINGS:
            notes.append(f"{each} has no effect: {_of_app(SETTINGS[name])}")
        else:
            notes.append(f"{each} is no setting of sqreen_mw; {nearest(name, _IN_TEXT)}")
    if outdated:
        notes.append(
            f"settings of the original Sqreen that have no effect here: {', '.join(outdated)}"
        )
    return tuple(notes)


def _of_app(setting: Setting) -> str:
    return f"{setting.name} is an object of the app, give it to the middleware as a keyword"
