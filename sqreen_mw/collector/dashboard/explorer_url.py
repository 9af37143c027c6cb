"""The Explorer's state is its URL: reading it, with a fault for what makes no sense, and links."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Any, Final, Self
from urllib.parse import urlencode

from sqreen_mw.collector.dashboard.charts import DAY, HOUR, MINUTE, interval_for
from sqreen_mw.collector.dashboard.zones import milliseconds_of, zone_of
from sqreen_mw.collector.events.base import Cursor, EventQuery
from sqreen_mw.protocol.address import canonical_address
from sqreen_mw.protocol.event_id import EVENT_ID_PATTERN
from sqreen_mw.protocol.limits import MAX_IDENTIFIER_LENGTH, MAX_TIMESTAMP, MIN_TIMESTAMP

PRESETS: Final[Mapping[str, int]] = MappingProxyType(
    {"15m": 15 * MINUTE, "1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
)
"""Lengths in milliseconds of the ranges that end now."""

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
"""The filters' names in the URL and for the reader."""

_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorerUrl:
    """What the Explorer shows; times are milliseconds since the epoch, UTC.

    Attributes:
        preset: A range that ends now; without meaning where ``start`` and ``end`` are set.
        at: The instant that stands for now, so that older pages keep the range of the first.
        tz: IANA name of the zone that times are written in.
        after: The place that the page comes after, or None for the newest events.
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
        """The time zone that times are written in."""
        return zone_of(self.tz)

    @property
    def filters(self) -> dict[str, str]:
        """The filters that are set, by their name in the URL."""
        values = {name: getattr(self, name) for name in FILTERS}
        return {name: value for name, value in values.items() if value is not None}

    def but(self, **changes: Any) -> Self:
        """Return this state with changes, back on its first page."""
        first: dict[str, Any] = {"after": None, "at": None, "open": None}
        return replace(self, **(first | changes))

    def during(self, start: int, end: int) -> Self:
        """Return this state narrowed to a range; what follows the present can't be narrowed."""
        return self.but(start=start, end=end, live=False)

    def lasting(self, preset: str) -> Self:
        """Return this state over a range that ends now."""
        return self.but(preset=preset, start=None, end=None)

    def parameters(self) -> dict[str, str]:
        """Return the URL's parameters, without those that say what holds anyway."""
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
        """Return the URL's parameters as text, from the question mark on, or nothing."""
        parameters = self.parameters()
        return "?" + urlencode(parameters) if parameters else ""

    def window(self, now: int) -> tuple[int, int]:
        """Return the range's first millisecond and the one after its last.

        A range that ends now is widened to whole bars, so that the first and the last are not
        cut, and so that a sender's clock may be a little fast.
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
        """Return what to ask the store."""
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
    """What could be read of a URL, and what is wrong with the rest, by parameter."""

    state: ExplorerUrl
    faults: Mapping[str, str]


def parse_explorer_url(parameters: Mapping[str, str], *, now: int) -> ParsedUrl:
    """Return the state that a URL's parameters describe, and a sentence for each bad one.

    Args:
        parameters: The query parameters.
        now: Milliseconds since the epoch; the end of a range that has only a start.
    """
    given = {name: _trimmed(name, text) for name, text in parameters.items()}
    given = {name: text for name, text in given.items() if text}
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name, reader in _READERS.items():
        if name in given:
            try:
                values[name] = reader(given[name])
            except ValueError as error:
                faults[name] = str(error)
    state = ExplorerUrl(**values)
    try:
        state = _with_range(state, given, now)
    except _RangeError as error:
        faults[error.parameter] = str(error)
    return ParsedUrl(state, faults)


def _trimmed(name: str, text: str) -> str:
    # Of what apps send, margins are a part: a link made of it has to find it.
    return text if _READERS.get(name) in {_text, _opened} else text.strip()


class _RangeError(ValueError):
    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def _with_range(state: ExplorerUrl, given: Mapping[str, str], now: int) -> ExplorerUrl:
    if "from" not in given and "to" not in given:
        preset = given.get("range", DEFAULT_PRESET)
        if preset not in PRESETS:
            raise _RangeError("range", f"must be one of {', '.join(PRESETS)}")
        return replace(state, preset=preset)
    if "from" not in given:
        raise _RangeError("from", "is missing: a range needs its start")
    start = _instant("from", given["from"], state.zone)
    end = _instant("to", given["to"], state.zone) if "to" in given else now
    if end <= start:
        raise _RangeError("to", "must lie after the start")
    # Live tail follows the present; a fixed range does not.
    return replace(state, start=start, end=end, live=False)


def _instant(name: str, text: str, zone: tzinfo) -> int:
    try:
        value = int(text) if _NUMBER.fullmatch(text) else _written(text, zone)
    except (ValueError, OverflowError) as error:
        raise _RangeError(
            name, "must be milliseconds since the epoch, or a date and time"
        ) from error
    if not MIN_TIMESTAMP <= value <= MAX_TIMESTAMP + (name == "to"):
        raise _RangeError(name, "lies outside of the years 1 to 9999")
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
        raise ValueError("is no place in the list: go back to the first page")
    return Cursor(int(timestamp), int(seq))


def _opened(text: str) -> tuple[str, str]:
    app, _, event_id = _text(text).rpartition("/")
    if not app or not re.match(EVENT_ID_PATTERN, event_id):
        raise ValueError("must be an app and an event id, with a slash between")
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
