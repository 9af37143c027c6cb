"""Format times and durations for the reader's time zone."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SECOND: Final = 1000
_MINUTE: Final = 60 * _SECOND
_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", _SECOND))


def zone_of(name: str) -> tzinfo:
    """Return the time zone with an IANA name.

    Raises:
        ValueError: This machine has no such zone.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, KeyError, ValueError) as error:
        raise ValueError("is not a known time zone: use a name such as Europe/Berlin") from error


def local_time(milliseconds: int, zone: tzinfo) -> datetime:
    """Return a time in a zone, or in UTC if Python's calendar cannot represent it there.

    A time outside of the calendar becomes the nearest time inside it.
    """
    instant = _EPOCH + min(max(milliseconds, MIN_TIMESTAMP), MAX_TIMESTAMP) * _MILLISECOND
    try:
        return instant.astimezone(zone)
    except OverflowError:
        return instant


def milliseconds_of(instant: datetime) -> int:
    """Return an aware time as milliseconds since the epoch."""
    return (instant - _EPOCH) // _MILLISECOND


def day_text(milliseconds: int, zone: tzinfo) -> str:
    """Return the day, such as ``22 Nov``."""
    time = local_time(milliseconds, zone)
    return f"{time.day} {time:%b}"


def clock_text(milliseconds: int, zone: tzinfo) -> str:
    """Return the time of day with milliseconds."""
    return local_time(milliseconds, zone).isoformat(timespec="milliseconds")[11:23]


def minute_text(milliseconds: int, zone: tzinfo) -> str:
    """Return day and time. Seconds appear only if they are not zero."""
    time = local_time(milliseconds, zone)
    seconds = f":{time:%S}" if time.second else ""
    return f"{time.day} {time:%b} {time:%H:%M}{seconds}"


def span_text(start: int, end: int, zone: tzinfo) -> str:
    """Return a time range. The day appears once if both ends share it."""
    first, last = minute_text(start, zone), minute_text(end, zone)
    same = local_time(start, zone).date() == local_time(end, zone).date()
    return f"{first} \u2013 {last.split(' ')[-1] if same else last}"


def bar_text(start: int, end: int, zone: tzinfo, *, interval: int) -> str:
    """Return the time range of a bar. Bars of minutes have no seconds."""
    if interval % _MINUTE == 0:
        start, end = start // _MINUTE * _MINUTE, -(-end // _MINUTE) * _MINUTE
    return span_text(start, end, zone)


def full_text(milliseconds: int, zone: tzinfo) -> str:
    """Return weekday, date, time and zone."""
    time = local_time(milliseconds, zone)
    clock = clock_text(milliseconds, zone)
    return f"{time:%a} {time.day} {time:%b} {time.year:04d}, {clock} {zone_text(time)}"


def input_text(milliseconds: int, zone: tzinfo) -> str:
    """Return the value of an ``<input type="datetime-local">``, to the second."""
    return local_time(milliseconds, zone).isoformat(timespec="seconds")[:19]


def iso_text(milliseconds: int) -> str:
    """Return the time in RFC 3339 format, in UTC."""
    return local_time(milliseconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def zone_text(time: datetime) -> str:
    """Return the offset of an aware time, such as ``UTC`` or ``UTC+02:00``."""
    offset = f"{time:%z}"
    return "UTC" if offset in {"+0000", ""} else f"UTC{offset[:3]}:{offset[3:]}"


def duration_text(milliseconds: int) -> str:
    """Return a duration in its two largest units, such as ``3 h 12 min``."""
    if milliseconds < _SECOND:
        return f"{milliseconds} ms"
    parts: list[str] = []
    for unit, length in _UNITS:
        count, milliseconds = divmod(milliseconds, length)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def ago_text(instant: int, now: int) -> str:
    """Return the age of a time in whole seconds, such as ``3 min 5 s ago``."""
    seconds = max(now - instant, 0) // _SECOND
    return f"{duration_text(seconds * _SECOND)} ago" if seconds else "just now"
