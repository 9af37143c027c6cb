"""Instants as the reader's time zone writes them."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000))


def zone_of(name: str) -> tzinfo:
    """Return the time zone of an IANA name.

    Raises:
        ValueError: There is no such zone on this machine.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(
            "is no time zone known here: use a name such as UTC or Europe/Berlin"
        ) from error


def moment(milliseconds: int, zone: tzinfo) -> datetime:
    """Return an instant in a zone, or in UTC where the zone leaves the calendar of Python.

    An instant outside of the calendar, such as the end of its last range, is its nearest one.
    """
    instant = _EPOCH + min(max(milliseconds, MIN_TIMESTAMP), MAX_TIMESTAMP) * _MILLISECOND
    try:
        return instant.astimezone(zone)
    except OverflowError:
        return instant


def milliseconds_of(instant: datetime) -> int:
    """Return the milliseconds since the epoch of an aware time."""
    return (instant - _EPOCH) // _MILLISECOND


def day_text(milliseconds: int, zone: tzinfo) -> str:
    """Return the day, such as ``22 Nov``."""
    time = moment(milliseconds, zone)
    return f"{time.day} {time:%b}"


def clock_text(milliseconds: int, zone: tzinfo) -> str:
    """Return the time of day to the millisecond."""
    return moment(milliseconds, zone).isoformat(timespec="milliseconds")[11:23]


def minute_text(milliseconds: int, zone: tzinfo) -> str:
    """Return day and time, with seconds only where there are any."""
    time = moment(milliseconds, zone)
    seconds = f":{time:%S}" if time.second else ""
    return f"{time.day} {time:%b} {time:%H:%M}{seconds}"


def span_text(start: int, end: int, zone: tzinfo) -> str:
    """Return a range of time; a day that both ends share is written once."""
    first, last = minute_text(start, zone), minute_text(end, zone)
    same = moment(start, zone).date() == moment(end, zone).date()
    return f"{first} \u2013 {last.split(' ')[-1] if same else last}"


def full_text(milliseconds: int, zone: tzinfo) -> str:
    """Return the whole instant with its zone."""
    time = moment(milliseconds, zone)
    clock = clock_text(milliseconds, zone)
    return f"{time:%a} {time.day} {time:%b} {time.year:04d}, {clock} {zone_text(time)}"


def input_text(milliseconds: int, zone: tzinfo) -> str:
    """Return the value of an ``<input type="datetime-local">``, to the second."""
    return moment(milliseconds, zone).isoformat(timespec="seconds")[:19]


def iso_text(milliseconds: int) -> str:
    """Return the instant as RFC 3339 has it, in UTC."""
    return moment(milliseconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def zone_text(time: datetime) -> str:
    """Return the offset of an aware time, such as ``UTC`` or ``UTC+02:00``."""
    offset = f"{time:%z}"
    return "UTC" if offset in {"+0000", ""} else f"UTC{offset[:3]}:{offset[3:]}"


def duration_text(milliseconds: int) -> str:
    """Return a length of time in its two largest units, such as ``3 h 12 min``."""
    if milliseconds < 1000:  # noqa: PLR2004 a second
        return f"{milliseconds} ms"
    parts: list[str] = []
    for unit, length in _UNITS:
        count, milliseconds = divmod(milliseconds, length)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])
