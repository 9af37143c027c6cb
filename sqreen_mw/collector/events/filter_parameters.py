"""Parse plain parameters, such as those of a URL, into filters, times and cursors.

Every function raises ``ValueError`` with a message that follows the name of the parameter.
"""

import difflib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Final, get_args

from sqreen_mw.collector.events.base import Cursor
from sqreen_mw.collector.events.filters import And, Comparison, Field, Filter, Operator, Or
from sqreen_mw.collector.events.outcome import Outcome
from sqreen_mw.protocol.address import canonical_address
from sqreen_mw.protocol.event import IdentitySource
from sqreen_mw.protocol.identifier import possible_values
from sqreen_mw.protocol.limits import (
    MAX_IDENTIFIER_LENGTH,
    MAX_NAME_LENGTH,
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
)

_SWITCH: Final = ("true", "false")
_ANY_EVENT: Final = ("event", "*")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_VERBATIM: Final = frozenset({"app", "env"})
_QUOTED: Final = re.compile('"(.*)"', re.DOTALL)
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}")
CURSOR_PATTERN: Final = r"(-?[0-9]{1,15})\.([0-9]{1,18})"
"""The form of a cursor: the time in milliseconds and the sequence number."""

_CURSOR: Final = re.compile(CURSOR_PATTERN)


@dataclass(frozen=True, slots=True)
class FilterParameter:
    """A parameter that becomes a comparison. ``choices`` are its only values, if it has some."""

    field: Field
    operator: Operator
    max_length: int
    description: str
    choices: tuple[str, ...] = ()


def _choice(name: str, choices: tuple[str, ...], description: str) -> FilterParameter:
    return FilterParameter((name,), "=", MAX_NAME_LENGTH, description, choices)


FILTERS: Final[Mapping[str, FilterParameter]] = MappingProxyType(
    {
        "event": FilterParameter(
            ("event",), "like", MAX_NAME_LENGTH, "event name; * stands for any text"
        ),
        "ip": FilterParameter(
            ("ip",), "in", MAX_NAME_LENGTH, "address, or network in CIDR notation"
        ),
        "user": FilterParameter(
            ("user",),
            "like",
            MAX_IDENTIFIER_LENGTH,
            "value of any identifier of the user, without case; * stands for any text",
        ),
        "q": FilterParameter(("text",), "contains", MAX_NAME_LENGTH, "free text"),
        "app": FilterParameter(("app",), "=", MAX_NAME_LENGTH, "name of the app"),
        "env": FilterParameter(("env",), "=", MAX_NAME_LENGTH, "environment"),
        "outcome": _choice("outcome", get_args(Outcome), "outcome of the event"),
        "identity": _choice(
            "identity", get_args(IdentitySource), "whether the app has verified the user"
        ),
        "imported": _choice("imported", _SWITCH, "whether the event was imported"),
        "forwarded_ignored": _choice(
            "forwarded_ignored", _SWITCH, "whether a forwarding header was not trusted"
        ),
    }
)
"""The filter parameters of the API and the Explorer."""


def parse_filter(name: str, text: str) -> str:
    """Return the checked value of a filter parameter, without outer spaces.

    Addresses become canonical. Apps and environments keep their spaces. An empty value is no
    filter.
    """
    text = text if name in _VERBATIM else text.strip()
    parameter = FILTERS[name]
    if len(_unquoted(text)) > parameter.max_length:
        raise ValueError(f"must have at most {parameter.max_length} characters")
    if text and parameter.choices:
        return _chosen(text, parameter.choices)
    return _network(text) if text and parameter.operator == "in" else text


def _chosen(text: str, choices: tuple[str, ...]) -> str:
    if text in choices:
        return text
    close = difflib.get_close_matches(text.lower(), choices, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise ValueError(f"must be {', '.join(choices[:-1])} or {choices[-1]}{hint}")


def exactly(text: str) -> str:
    """Return the value of a filter that finds this text only: in quotes, ``*`` is a star."""
    return f'"{text}"'


def build_filter(values: Mapping[str, str]) -> Filter:
    """Return the filter that all given parameters must match. Empty ones are ignored."""
    given = ((name, text) for name, text in values.items() if text and (name, text) != _ANY_EVENT)
    return And(tuple(_comparison(*item) for item in given))


def _comparison(name: str, text: str) -> Filter:
    parameter = FILTERS[name]
    exact = _unquoted(text)
    if parameter.operator == "like" and exact != text:
        return Comparison(parameter.field, "=", exact)
    if name == "user":
        return _user(text)
    return Comparison(parameter.field, parameter.operator, text)


def _user(text: str) -> Filter:
    if "*" not in text:
        return Comparison(("user",), "=", text)
    # The operator ignores the case of ASCII letters only.
    patterns = (text,) if text.isascii() else possible_values(text)
    return Or(tuple(Comparison(("user",), "like", pattern) for pattern in patterns))


def _unquoted(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    return quoted[1] if quoted else text


def parse_time(text: str, *, zone: tzinfo | None = None) -> int:
    """Return a time in milliseconds since the epoch.

    Args:
        text: Milliseconds, or an ISO 8601 date and time.
        zone: The zone of a time without offset. By default the offset is required.
    """
    return check_time(int(text) if _NUMBER.fullmatch(text) else _parse_iso(text, zone))


def check_time(value: int) -> int:
    """Return a time if it is in the calendar; the end of the last range may be just outside."""
    if not MIN_TIMESTAMP <= value <= MAX_TIMESTAMP + 1:
        raise ValueError("must be in the years 1 to 9999")
    return value


def _parse_iso(text: str, zone: tzinfo | None) -> int:
    try:
        time = datetime.fromisoformat(text)
        time = time if time.tzinfo else time.replace(tzinfo=zone)
        if time.tzinfo is not None:
            return (time - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        pass
    raise ValueError("must be milliseconds since the epoch, or a time such as 2026-01-31T12:00:00Z")


def _network(text: str) -> str:
    address = canonical_address(text)
    if address is not None:
        return address
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError("must be an IP address or a network such as 203.0.113.0/24") from None


def format_cursor(cursor: Cursor) -> str:
    """Return the text of a cursor."""
    return f"{cursor.timestamp}.{cursor.seq}"


def parse_cursor(text: str) -> Cursor:
    """Return the cursor of a text."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise ValueError("is not a valid cursor: go back to the first page")
    return Cursor(int(match[1]), int(match[2]))
