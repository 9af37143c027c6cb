"""Parse the Explorer's URL."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from sqreen_mw.collector.dashboard.explorer.conditions import is_condition, parse_condition
from sqreen_mw.collector.dashboard.explorer.url import PRESETS, ExplorerUrl
from sqreen_mw.collector.dashboard.web.time_format import zone_of
from sqreen_mw.collector.events.filter_parameters import parse_cursor, parse_time
from sqreen_mw.protocol.event_id import EVENT_ID_PATTERN
from sqreen_mw.protocol.limits import MAX_IDENTIFIER_LENGTH, MAX_TIMESTAMP

_RANGE: Final = frozenset({"from", "to"})

MAX_CONDITIONS: Final = 40
"""Maximum number of filters and excluded values."""


@dataclass(frozen=True, slots=True)
class ParsedUrl:
    """A parsed URL, and error messages by parameter.

    ``range_fields`` has the given ``from`` and ``to`` if the range is not valid.
    """

    url: ExplorerUrl
    errors: Mapping[str, str]
    range_fields: Mapping[str, str]


def parse_explorer_url(
    parameters: Iterable[tuple[str, str]], *, now: int, home_tz: str = "UTC"
) -> ParsedUrl:
    """Parse the parameters of a URL.

    Args:
        parameters: Names and values. Only excluded values may repeat a name.
        now: Milliseconds since the epoch. A range without an end ends now.
        home_tz: The time zone of a URL without one.
    """
    return _Parser(parameters).parse(now, home_tz)


class _Parser:
    def __init__(self, parameters: Iterable[tuple[str, str]]) -> None:
        self._parameters = tuple(parameters)
        given = {name: _stripped(name, text) for name, text in self._parameters}
        self._given = {name: text for name, text in given.items() if text}
        self._errors: dict[str, str] = {}

    def parse(self, now: int, home_tz: str) -> ParsedUrl:
        conditions = dict.fromkeys(self._conditions())
        filters = {name: text for name, text in conditions if name[0] != "-"}
        excluded = tuple((name[1:], text) for name, text in conditions if name[0] == "-")
        values = {"tz": home_tz, **self._values(_PARSERS)}
        url = ExplorerUrl(filters=filters, excluded=excluded, home_tz=home_tz, **values)
        url = dataclasses.replace(url, **self._range(url.zone, now))
        is_wrong = bool(self._errors.keys() & _RANGE)
        fields = {name: self._given[name] for name in _RANGE & self._given.keys() if is_wrong}
        return ParsedUrl(url, self._errors, fields)

    def _conditions(self) -> Iterable[tuple[str, str]]:
        found = [each for each in self._parameters if is_condition(each[0].removeprefix("-"))]
        for name, text in found[:MAX_CONDITIONS]:
            try:
                value = parse_condition(name.removeprefix("-"), text)
            except ValueError as error:
                self._errors[name] = str(error)
            else:
                if value:
                    yield name, value
        for name, _ in found[MAX_CONDITIONS:]:
            self._errors[name] = f"is one filter too many: at most {MAX_CONDITIONS} are possible"

    def _values(self, parsers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, parser in parsers.items():
            if name in self._given:
                try:
                    values[name] = parser(self._given[name])
                except ValueError as error:
                    self._errors[name] = str(error)
        return values

    def _range(self, zone: tzinfo, now: int) -> dict[str, Any]:
        if not self._given.keys() & _RANGE:
            preset = self._values({"range": _preset})
            return {"preset": preset["range"]} if preset else {}
        if "from" not in self._given:
            self._errors["from"] = "is missing: a range needs its start"
            return {}
        in_zone = partial(parse_time, zone=zone)
        times = {"to": now, **self._values({"from": in_zone, "to": in_zone})}
        if self._errors.keys() & _RANGE:
            return {}
        if times["to"] <= times["from"]:
            same = times["to"] == times["from"]
            self._errors["to"] = "is the same as From" if same else "is before From"
            return {}
        # Live tail needs a range that ends now.
        return {"start": times["from"], "end": times["to"], "live": False}


def _stripped(name: str, text: str) -> str:
    # Spaces may be part of an app's name.
    return text if name == "open" else text.strip()


def _preset(text: str) -> str:
    if text not in PRESETS:
        raise ValueError(f"must be one of {', '.join(PRESETS)}")
    return text


def _opened(text: str) -> tuple[str, str]:
    app, _, event_id = text.rpartition("/")
    if not app or len(text) > MAX_IDENTIFIER_LENGTH or not re.match(EVENT_ID_PATTERN, event_id):
        raise ValueError("must be an app and an event id, separated by a slash")
    return app, event_id


def _zone_name(text: str) -> str:
    zone_of(text)
    return text


def _switch(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError("must be 0 or 1")
    return text == "1"


def _at(text: str) -> int:
    return min(parse_time(text), MAX_TIMESTAMP)


_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    {"tz": _zone_name, "at": _at, "after": parse_cursor, "open": _opened, "live": _switch}
)
