"""Sources of settings: keywords win over variables, and variables over the file."""

import configparser
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqreen_mw.agent.config.settings_table import (
    CONFIG_FILE,
    LEGACY_SETTINGS,
    PREFIX,
    SETTINGS,
    Setting,
    did_you_mean,
    legacy_note,
)
from sqreen_mw.agent.config.validators import parse_bool
from sqreen_mw.errors import ConfigurationError

OTHER_PREFIXES: Final = ("SQREEN_COLLECTOR_", "SQREEN_BROWSER", "SQREEN_CHROMIUM")
"""Prefixes of variables that are not settings of the agent: the collector's and our tests'."""

KEYWORD: Final = "keyword"
FILE: Final = "sqreen.ini"
SECTION: Final = "sqreen"

_VARIABLES: Final = {
    name: setting.variable for name, setting in SETTINGS.items() if not setting.keyword_only
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingValue:
    """A value as it was given, and its origin: a keyword, a variable, or a file and its line."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingValues:
    """The values of all sources together.

    Attributes:
        values: The value that wins, by the setting's name.
        notes: A sentence for each setting without effect.
        is_off: Whether a keyword or a variable disables the SDK.
    """

    values: dict[str, SettingValue]
    notes: tuple[str, ...]
    is_off: bool


def collect_values(keywords: Mapping[str, Any], environ: Mapping[str, str]) -> SettingValues:
    """Return the values of all sources.

    The file is not read if a keyword or a variable disables the SDK. An unknown variable may
    belong to another program, so it is noted; an unknown keyword or line of the file is an error.

    Raises:
        ConfigurationError: A keyword or a line of the file is unknown, or the file is broken.
    """
    values = {**_from_variables(environ), **_from_keywords(keywords)}
    ignored = [name for name in environ if name.startswith(PREFIX) and not _is_known(name)]
    is_off = _is_off(values.get("disable"))
    file = None if is_off else _find_file(environ)
    for key, value in _from_file(file).items() if file else ():
        if key in LEGACY_SETTINGS:
            ignored.append(key)
        else:
            values.setdefault(key, value)
    return SettingValues(values=values, notes=_notes(ignored), is_off=is_off)


def _from_keywords(keywords: Mapping[str, Any]) -> dict[str, SettingValue]:
    for name in keywords:
        if name not in SETTINGS:
            advice = did_you_mean(name, {known: known for known in SETTINGS})
            raise ConfigurationError(f"{name!r} is no setting; {advice}")
    return {
        name: SettingValue(value=value, origin=KEYWORD)
        for name, value in keywords.items()
        if value is not None
    }


def _from_variables(environ: Mapping[str, str]) -> dict[str, SettingValue]:
    """Return the values of the environment; an empty variable counts as not set."""
    return {
        name: SettingValue(value=value, origin=variable)
        for name, variable in _VARIABLES.items()
        if (value := environ.get(variable))
    }


def _is_known(variable: str) -> bool:
    return variable in {CONFIG_FILE, *_VARIABLES.values()} or variable.startswith(OTHER_PREFIXES)


def _is_off(disable: SettingValue | None) -> bool:
    with suppress(ValueError):
        return disable is not None and parse_bool(disable.value)
    return False


def _find_file(environ: Mapping[str, str]) -> Path | None:
    """Return the file of settings, if there is one.

    It is the file that ``SQREEN_CONFIG_FILE`` names, else ``sqreen.ini`` in the working directory,
    else ``.sqreen.ini`` in the home directory.

    Raises:
        ConfigurationError: The named file does not exist.
    """
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if named := environ.get(CONFIG_FILE):
        path = Path(home, named[2:]) if home and named.startswith("~/") else Path(named)
        if not _is_file(path):
            raise ConfigurationError(f"{CONFIG_FILE} names {named}, which is no file")
        return path
    candidates = [Path(FILE), *([Path(home, f".{FILE}")] if home else [])]
    return next(filter(_is_file, candidates), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # for example, a service must not read the home directory


def _from_file(path: Path) -> dict[str, SettingValue]:
    """Return the values of a file's section ``[sqreen]``; an empty value counts as not set.

    Raises:
        ConfigurationError: The file is broken; the message names it and the line.
    """
    text = _read(path)
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ConfigurationError(_explain(path, error)) from error
    if not parser.has_section(SECTION):
        raise ConfigurationError(f"{path} has no section: write [{SECTION}] above the settings")
    lines = _line_numbers(text)
    values: dict[str, SettingValue] = {}
    for key, value in parser.items(SECTION):
        if value:
            line = f"{path}, line {lines.get(key, 1)}"
            _check_line(line, key, value)
            values[key] = SettingValue(value=value, origin=line)
    return values


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} can't be read: it is not UTF-8 text") from error


def _explain(path: Path, error: configparser.Error) -> str:
    match error:
        case configparser.DuplicateOptionError():
            return f"{path}, line {error.lineno}: {error.option} is set twice"
        case configparser.DuplicateSectionError():
            return f"{path}, line {error.lineno}: the section [{error.section}] occurs twice"
        case configparser.MissingSectionHeaderError():
            return f"{path}, line {error.lineno}: write [{SECTION}] above the settings"
        case _:
            [(line, _), *_] = getattr(error, "errors", ()) or [(1, "")]
            return f"{path}, line {line}: write one setting per line, such as release = 1.2"


def _line_numbers(text: str) -> dict[str, int]:
    """Return the line number of each key in the section, counted from 1."""
    numbers: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\[(.+)\]", line):
            section = header[1]
        elif section == SECTION and (key := re.match(r"\s*([^\s#;:=][^:=]*?)\s*[:=]", line)):
            numbers.setdefault(key[1].lower(), number)
    return numbers


def _check_line(line: str, key: str, value: str) -> None:
    if key in LEGACY_SETTINGS:
        return
    if key not in SETTINGS:
        advice = did_you_mean(key, {name: name for name in _VARIABLES})
        raise ConfigurationError(f"{line}: {key!r} is no setting; {advice}")
    setting = SETTINGS[key]
    if setting.keyword_only:
        raise ConfigurationError(f"{line}: {_needs_keyword(setting)}")
    if re.search(r"(?:^|\s)[#;]", value):
        raise ConfigurationError(
            f"{line}: {key} has a comment behind its value: move it to a line of its own; if the "
            f"value contains a # or ; after a space, set {setting.variable} instead"
        )


def _notes(ignored: list[str]) -> tuple[str, ...]:
    """Return a sentence for each unknown name, and one for all settings of the original."""
    notes: list[str] = []
    legacy: list[str] = []
    for each in sorted(ignored):
        name = each.removeprefix(PREFIX).lower()
        if name in LEGACY_SETTINGS:
            legacy.append(each)
        elif name in SETTINGS:
            notes.append(f"{each} has no effect: {_needs_keyword(SETTINGS[name])}")
        else:
            notes.append(f"{each} is no setting of sqreen_mw; {did_you_mean(name, _VARIABLES)}")
    if legacy:
        notes.append(legacy_note(legacy))
    return tuple(notes)


def _needs_keyword(setting: Setting) -> str:
    return f"{setting.name} is an object of the app, pass it to the middleware as a keyword"
