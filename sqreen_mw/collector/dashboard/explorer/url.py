"""The Explorer's state is its URL: the parameters, the range and the query for the store."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from types import MappingProxyType
from typing import Any, Final, Self
from urllib.parse import urlencode

from sqreen_mw.collector.dashboard.explorer.conditions import condition
from sqreen_mw.collector.dashboard.web.charts import DAY, HOUR, MINUTE, SECOND
from sqreen_mw.collector.dashboard.web.time_format import zone_of
from sqreen_mw.collector.events.base import Cursor, EventQuery
from sqreen_mw.collector.events.filter_parameters import FILTERS, format_cursor
from sqreen_mw.collector.events.filters import And, Not
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP

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

CLOCK_TOLERANCE: Final = 10 * SECOND
"""Later events are not in a range that ends now."""

_LABELS: Final = {"ip": "IP", "q": "Text", "forwarded_ignored": "Forwarding header"}
_CHOICE_LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    "imported": {"true": "yes", "false": "no"},
    "forwarded_ignored": {"true": "ignored", "false": "not ignored"},
}

FILTER_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {name: _LABELS.get(name, name.capitalize()) for name in FILTERS}
)
"""Labels of the filters on the page, in their order."""

CHOICES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        name: {text: _CHOICE_LABELS.get(name, {}).get(text, text) for text in parameter.choices}
        for name, parameter in FILTERS.items()
        if parameter.choices
    }
)
"""The values that a filter can have, with their labels on the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorerUrl:
    """The parameters of an Explorer URL. Times are milliseconds since the epoch, UTC.

    Attributes:
        preset: A range that ends now. Ignored if ``start`` and ``end`` are set.
        at: Used instead of the current time, so that all pages of a list have the same range.
        tz: IANA name of the time zone of the page.
        home_tz: The time zone that the person has chosen for all pages.
        filters: The values of the filters by parameter name.
        excluded: Names and values of filters that must not match.
        after: The cursor of the page, or None for the newest events.
        open: App and id of the event in the drawer.
    """

    preset: str = DEFAULT_PRESET
    start: int | None = None
    end: int | None = None
    at: int | None = None
    tz: str = "UTC"
    home_tz: str = "UTC"
    filters: Mapping[str, str] = field(default_factory=dict)
    excluded: tuple[tuple[str, str], ...] = ()
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

    @property
    def is_filtered(self) -> bool:
        """True if a filter is active."""
        return bool(self.filters or self.excluded)

    def only(self, name: str, text: str) -> Self:
        """Return the URL with one more filter. It replaces a filter of the same name."""
        return self.replace(filters={**self.filters, name: text})

    def without(self, name: str, text: str) -> Self:
        """Return the URL that excludes one more value."""
        kept = tuple(each for each in self.excluded if each != (name, text))
        return self.replace(excluded=(*kept, (name, text)))

    def drop_filter(self, name: str) -> Self:
        """Return the URL without a filter."""
        return self.replace(filters={key: self.filters[key] for key in self.filters if key != name})

    def drop_exclusion(self, name: str, text: str) -> Self:
        """Return the URL that does not exclude a value."""
        kept = tuple(each for each in self.excluded if each != (name, text))
        return self.replace(excluded=kept)

    def unfiltered(self) -> Self:
        """Return the URL without filters."""
        return self.replace(filters={}, excluded=())

    def with_range(self, start: int, end: int) -> Self:
        """Return the URL with a fixed range, without live tail."""
        return self.replace(start=start, end=end, live=False)

    def with_preset(self, preset: str) -> Self:
        """Return the URL with a range that ends now."""
        return self.replace(preset=preset, start=None, end=None)

    def parameters(self) -> list[tuple[str, str]]:
        """Return the URL's parameters, without defaults."""
        parameters: list[tuple[str, str]] = []
        if self.start is not None and self.end is not None:
            parameters += [("from", str(self.start)), ("to", str(self.end))]
        elif self.preset != DEFAULT_PRESET:
            parameters.append(("range", self.preset))
        known = [name for name in FILTERS if name in self.filters]
        others = [name for name in self.filters if name not in FILTERS]
        parameters += [(name, self.filters[name]) for name in (*known, *others)]
        parameters += [(f"-{name}", text) for name, text in self.excluded]
        if self.tz != self.home_tz:
            parameters.append(("tz", self.tz))
        if self.live:
            parameters.append(("live", "1"))
        if self.at is not None:
            parameters.append(("at", str(self.at)))
        if self.after is not None:
            parameters.append(("after", format_cursor(self.after)))
        if self.open is not None:
            parameters.append(("open", "/".join(self.open)))
        return parameters

    def query_string(self) -> str:
        """Return the query string with its question mark, or an empty string."""
        parameters = self.parameters()
        return "?" + urlencode(parameters) if parameters else ""

    def window(self, now: int) -> tuple[int, int]:
        """Return the start of the range, and its end (exclusive).

        A range that ends now also has the events of a slightly fast clock.
        """
        if self.start is not None and self.end is not None:
            return self.start, self.end
        last = now if self.at is None else self.at
        end = min(last + CLOCK_TOLERANCE, MAX_TIMESTAMP + 1)
        return max(last - PRESETS[self.preset], MIN_TIMESTAMP), end

    def query(self, now: int) -> EventQuery:
        """Return the query for the store."""
        start, end = self.window(now)
        wanted = tuple(condition(*item) for item in self.filters.items())
        unwanted = tuple(Not(condition(*item)) for item in self.excluded)
        return EventQuery(start=start, end=end, filter=And((*wanted, *unwanted)), after=self.after)
