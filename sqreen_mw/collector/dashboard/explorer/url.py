"""The Explorer's url is its URL: parse it and build changed URLs."""

import dataclasses
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Any, Final, Self
from urllib.parse import urlencode

from sqreen_mw.collector.dashboard.web.charts import DAY, HOUR, MINUTE, interval_for
from sqreen_mw.collector.dashboard.web.time_format import milliseconds_of, zone_of
from sqreen_mw.collector.events.base import Cursor, EventQuery
from sqreen_mw.protocol.address import canonical_address
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

FILTERS: Final[Mapping[str, str]] = MappingProxyType(
    {"event": "Event", "ip": "IP", "user": "User", "q": "Text", "app": "App", "env": "Env"}
)
"""The filters' parameter names and labels."""

_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorerUrl:
    """The parameters of an Explorer URL. Times are milliseconds since the epoch, UTC.

    Attributes:
        preset: A range that ends now. Ignored if ``start`` and ``end`` are set.
        at: Used instead of the current time, so that all pages of a list have the same range.
        tz: IANA name of the time zone of the page.
        after: The cursor of the page, or None for the newest events.
        open: App and id of the event in the drawer.
    """

    preset: str = DEFAULT_PRESET
    start: int | None = None
    end: int | None = None
    at: int | None = None
    tz: str = "UTC"
    app: str | None = None
    env: str | None = None
    event: str | None = None
    ip: str | None = None
    user: str | None = None
    q: str | None = None
    after: Cursor | None = None
    open: tuple[str, str] | None = None
    live: bool = False

    @property
    def zone(self) -> tzinfo:
        """The time zone of the page."""
        return zone_of(self.tz)

    @property
    def filters(self) -> dict[str, str]:
        """The active filters by parameter name."""
        values = {name: getattr(self, name) for name in FILTERS}
        return {name: value for name, value in values.items() if value is not None}

    def replace(self, **changes: Any) -> Self:
        """Return a changed URL of the first page."""
        first: dict[str, Any] = {"after": None, "at": None, "open": None}
        return dataclasses.replace(self, **(first | changes))

    def with_range(self, start: int, end: int) -> Self:
        """Return the URL with a fixed range, without live tail."""
        return self.replace(start=start, end=end, live=False)

    def with_preset(self, preset: str) -> Self:
        """Return the URL with a range that ends now."""
        return self.replace(preset=preset, start=None, end=None)

    def parameters(self) -> dict[str, str]:
        """Return the URL's parameters, without deerrors."""
        if self.start is not None and self.end is not None:
            parameters = {"from": str(self.start), "to": str(self.end)}
        else:
            parameters = {} if self.preset == DEFAULT_PRESET else {"range": self.preset}
        parameters |= self.filters
        if self.tz != "UTC":
            parameters["tz"] = self.tz
        if self.live:
            parameters["live"] = "1"
        if self.at is not None:
            parameters["at"] = str(self.at)
        if self.after is not None:
            parameters["after"] = f"{self.after.timestamp}.{self.after.seq}"
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
        return EventQuery(
            start=start,
            end=end,
            app=self.app,
            env=self.env,
            name=self.event,
            ip=self.ip,
            user=self.user,
            text=self.q,
        )


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
    given = {name: _trimmed(name, text) for name, text in parameters.items()}
    given = {name: text for name, text in given.items() if text}
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, reader in _READERS.items():
        if name in given:
            try:
                values[name] = reader(given[name])
            except ValueError as error:
                errors[name] = str(error)
    url = ExplorerUrl(**values)
    try:
        url = _with_range(url, given, now)
    except _RangeError as error:
        errors[error.parameter] = str(error)
    return ParsedUrl(url, errors)


def _trimmed(name: str, text: str) -> str:
    # Spaces may be part of a value that an app sends.
    return text if _READERS.get(name) in {_text, _opened} else text.strip()


class _RangeError(ValueError):
    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def _with_range(url: ExplorerUrl, given: Mapping[str, str], now: int) -> ExplorerUrl:
    if "from" not in given and "to" not in given:
        preset = given.get("range", DEFAULT_PRESET)
        if preset not in PRESETS:
            raise _RangeError("range", f"must be one of {', '.join(PRESETS)}")
        return dataclasses.replace(url, preset=preset)
    if "from" not in given:
        raise _RangeError("from", "is missing: a range needs its start")
    start = _instant("from", given["from"], url.zone)
    end = _instant("to", given["to"], url.zone) if "to" in given else now
    if end <= start:
        raise _RangeError("to", "must be after the start")
    # Live tail needs a range that ends now.
    return dataclasses.replace(url, start=start, end=end, live=False)


def _instant(name: str, text: str, zone: tzinfo) -> int:
    try:
        value = int(text) if _NUMBER.fullmatch(text) else _written(text, zone)
    except (ValueError, OverflowError) as error:
        raise _RangeError(
            name, "must be milliseconds since the epoch, or a date and time"
        ) from error
    if not MIN_TIMESTAMP <= value <= MAX_TIMESTAMP + (name == "to"):
        raise _RangeError(name, "is outside of the years 1 to 9999")
    return value


def _written(text: str, zone: tzinfo) -> int:
    time = datetime.fromisoformat(text)
    return milliseconds_of(time if time.tzinfo else time.replace(tzinfo=zone))


def _text(text: str) -> str:
    if len(text) > MAX_IDENTIFIER_LENGTH:
        raise ValueError(f"has more than {MAX_IDENTIFIER_LENGTH} characters")
    return text


def _network(text: str) -> str:
    address = canonical_address(text)
    if address is not None:
        return address
    try:
        if "/" in text:
            return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        pass
    raise ValueError("must be an IP address or a network such as 203.0.113.0/24")


def _cursor(text: str) -> Cursor:
    timestamp, _, seq = text.partition(".")
    if not (_NUMBER.fullmatch(timestamp) and _NUMBER.fullmatch(seq)):
        raise ValueError("is not a valid cursor: go back to the first page")
    return Cursor(int(timestamp), int(seq))


def _opened(text: str) -> tuple[str, str]:
    app, _, event_id = _text(text).rpartition("/")
    if not app or not re.match(EVENT_ID_PATTERN, event_id):
        raise ValueError("must be an app and an event id, separated by a slash")
    return app, event_id


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or not MIN_TIMESTAMP <= int(text) <= MAX_TIMESTAMP:
        raise ValueError("must be milliseconds since the epoch")
    return int(text)


def _zone_name(text: str) -> str:
    zone_of(text)
    return text


def _switch(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError("must be 0 or 1")
    return text == "1"


_READERS: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    {
        "tz": _zone_name,
        "app": _text,
        "env": _text,
        "event": _text,
        "ip": _network,
        "user": _text,
        "q": _text,
        "at": _number,
        "after": _cursor,
        "open": _opened,
        "live": _switch,
    }
)
