"""Reads the time of a ``timestamp`` argument."""

from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Timestamp(Struct, frozen=True):
    """Milliseconds since the epoch, and whether the app's value had a time zone."""

    milliseconds: int
    has_zone: bool


def read_timestamp(value: object) -> Timestamp | None:
    """Return the time of a datetime, or None for other values and for one without a time.

    Subclasses may calculate, compare and convert differently, so only methods of ``datetime``
    itself read them. ``pandas.NaT`` is a datetime without a time.

    Raises:
        Exception: The value or its time zone is broken.
    """
    given = value if isinstance(value, datetime) else getattr(value, "datetime", None)  # Arrow
    if not isinstance(given, datetime):
        return None
    if not issubclass(type(given), datetime):  # a proxy, such as Werkzeug's LocalProxy
        given = datetime.fromisoformat(given.isoformat())
    if not _has_valid_year(given):
        return None
    zone = datetime.tzinfo.__get__(given)
    plain = datetime.combine(datetime.date(given), datetime.time(given), tzinfo=zone)
    has_zone = plain.utcoffset() is not None
    aware = plain if has_zone else plain.replace(tzinfo=UTC)
    milliseconds = (aware - _EPOCH) // _MILLISECOND
    return Timestamp(min(max(milliseconds, MIN_TIMESTAMP), MAX_TIMESTAMP), has_zone)


def _has_valid_year(value: datetime) -> bool:
    """Return False for a subclass with a time that ``datetime`` can't hold, or without a time."""
    with suppress_app_errors:  # an attribute of a subclass may raise: then datetime's own counts
        return MINYEAR <= value.year <= MAXYEAR
    return True
