"""The Explorer's state is its URL: parse it and build changed URLs."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Self
from urllib.parse import urlencode

from sqreen_mw.collector.dashboard.web.charts import DAY, HOUR, MINUTE, interval_for
from sqreen_mw.collector.dashboard.web.time_format import zone_of
from sqreen_mw.collector.events.base import Cursor, EventQuery
from sqreen_mw.collector.events.filter_parameters import (
    FILTERS,
    build_filter,
    format_cursor,
    parse_cursor,
    parse_filter,
    parse_time,
)
from sqreen_mw.protocol.event_id import EVENT_ID_PATTERN
from sqreen_mw.protocol.limits import MAX_IDENTIFIER_LENGTH, MAX_TIMESTAMP, MIN_TIMESTAMP

PRESETS: Final[Mapping[str, int]] = MappingProxyType(
    {"15m": 15 * MINUTE, "1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
)
"""Ranges that end now, in milliseconds."""

PRESET_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "15m": "last 15 minutes",
        "1h": "last hour",
        "24h": "last 24 hours",
        "7d": "last 7 days",
        "30d": "last 30 days",
    }
)
DEFAULT_PRESET: Final = "24h"

FILTER_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {name: {"ip": "IP", "q": "Text"}.get(name, name.capitalize()) for name in FILTERS}
)
"""Labels of the filters on the page, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorerUrl:
    """The parameters of an Explorer URL. Times are milliseconds since the epoch, UTC.

    Attributes:
        preset: A range that ends now. Ignored if ``start`` and ``end`` are set.
        at: Used instead of the current time, so that all pages of a list have the same range.
        tz: IANA name of the time zone of the page.
        filters: The active filters by parameter name.
        after: The cursor of the page, or None for the newest events.
        open: App and id of the event in the drawer.
    """

    preset: str = DEFAULT_PRESET
    start: int | None = None
    end: int | None = None
    at: int | None = None
    tz: str = "UTC"
    filters: Mapping[str, str] = field(default_factory=dict)
    after: Cursor | None = None
    open: tuple[str, str] | None = None
    live: bool = False

    @property
    def zone(self) -> tzinfo:
        """The time zone of the page."""
        return zone_of(self.tz)

    def replace(self, **changes: Any) -> Self:
        """Return a changed URL of the first page."""
        first: dict[str, Any] = {"after": None, "at": None, "open": None}
        return dataclasses.replace(self, **(first | changes))

    def with_filters(self, **filters: str) -> Self:
        """Return the URL with more filters."""
        return self.replace(filters={**self.filters, **filters})

    def without(self, *names: str) -> Self:
        """Return the URL without some filters."""
        kept = {name: text for name, text in self.filters.items() if name not in names}
        return self.replace(filters=kept)

    def with_range(self, start: int, end: int) -> Self:
        """Return the URL with a fixed range, without live tail."""
        return self.replace(start=start, end=end, live=False)

    def with_preset(self, preset: str) -> Self:
        """Return the URL with a range that ends now."""
        return self.replace(preset=preset, start=None, end=None)

    def parameters(self) -> dict[str, str]:
        """Return the URL's parameters, without defaults."""
        if self.start is not None and self.end is not None:
            parameters = {"from": str(self.start), "to": str(self.end)}
        else:
            parameters = {} if self.preset == DEFAULT_PRESET else {"range": self.preset}
        parameters |= {name: self.filters[name] for name in FILTERS if name in self.filters}
        if self.tz != "UTC":
            parameters["tz"] = self.tz
        if self.live:
            parameters["live"] = "1"
        if self.at is not None:
            parameters["at"] = str(self.at)
        if self.after is not None:
            parameters["after"] = format_cursor(self.after)
        if self.open is not None:
            parameters["open"] = "/".join(self.open)
        return parameters

    def query_string(self) -> str:
        """Return the query string with its question mark, or an empty string."""
        parameters = self.parameters()
        return "?" + urlencode(parameters) if parameters else ""

    def window(self, now: int) -> tuple[int, int]:
        """Return the start of the range, and its end (exclusive).

        A range that ends now is widened to whole bars. This also covers senders with a fast clock.
        """
        if self.start is not None and self.end is not None:
            return self.start, self.end
        length = PRESETS[self.preset]
        interval = interval_for(length)
        last = now if self.at is None else self.at
        start = (last - length) // interval * interval
        end = -(-(last + 1) // interval) * interval
        return max(start, MIN_TIMESTAMP), min(end, MAX_TIMESTAMP + 1)

    def query(self, now: int) -> EventQuery:
        """Return the query for the store."""
        start, end = self.window(now)
        return EventQuery(start=start, end=end, filter=build_filter(self.filters), after=self.after)


@dataclass(frozen=True, slots=True)
class ParsedUrl:
    """A parsed URL, and error messages by parameter."""

    url: ExplorerUrl
    errors: Mapping[str, str]


def parse_explorer_url(parameters: Mapping[str, str], *, now: int) -> ParsedUrl:
    """Parse the parameters of a URL.

    Args:
        parameters: The query parameters.
        now: Milliseconds since the epoch. A range without an end ends now.
    """
    return _Parser(parameters).parse(now)


class _Parser:
    def __init__(self, parameters: Mapping[str, str]) -> None:
        given = {name: _stripped(name, text) for name, text in parameters.items()}
        self._given = {name: text for name, text in given.items() if text}
        self._errors: dict[str, str] = {}

    def parse(self, now: int) -> ParsedUrl:
        filters = self._values({name: partial(parse_filter, name) for name in FILTERS})
        url = ExplorerUrl(filters=filters, **self._values(_PARSERS))
        url = dataclasses.replace(url, **self._range(url.zone, now))
        return ParsedUrl(url, self._errors)

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
        if not self._given.keys() & {"from", "to"}:
            preset = self._values({"range": _preset})
            return {"preset": preset["range"]} if preset else {}
        if "from" not in self._given:
            self._errors["from"] = "is missing: a range needs its start"
            return {}
        in_zone = partial(parse_time, zone=zone)
        times = {"to": now, **self._values({"from": in_zone, "to": in_zone})}
        if self._errors.keys() & {"from", "to"}:
            return {}
        if times["to"] <= times["from"]:
            self._errors["to"] = "must be after the start"
            return {}
        # Live tail needs a range that ends now.
        return {"start": times["from"], "end": times["to"], "live": False}


def _stripped(name: str, text: str) -> str:
    # Spaces may be part of a value that an app sends.
    return text if name in _VERBATIM else text.strip()


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


_VERBATIM: Final = FILTERS.keys() - {"ip"} | {"open"}
_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    {"tz": _zone_name, "at": _at, "after": parse_cursor, "open": _opened, "live": _switch}
)
