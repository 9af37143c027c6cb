"""Read the time of a row."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqreen_mw.collector.importing.errors import RowError
from sqreen_mw.errors import ConfigurationError

MAX_AHEAD: Final = 5 * 60 * 1000
"""A time may be later than now by so many milliseconds."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_NUMBER: Final = re.compile(r"-?\d{1,17}(\.\d{1,9})?", re.ASCII)
_MAX_SECONDS: Final = 1e11
_MAX_MILLISECONDS: Final = 1e14


def load_zone(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises:
        ConfigurationError: The zone is unknown.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"--timezone {name!r} is unknown: use a name such as Europe/Berlin or UTC"
        ) from error


class TimeReader:
    """Reads times as milliseconds since the epoch, UTC.

    Args:
        zone: The zone of times without an offset; without one they are rejected.
        now: The present, in milliseconds.
    """

    def __init__(self, *, zone: ZoneInfo | None, now: int) -> None:
        self._zone: Final = zone
        self._last: Final = now + MAX_AHEAD

    def read(self, value: Any) -> int:
        """Return a time.

        A number is seconds, milliseconds or microseconds by its size.

        Raises:
            RowError: It cannot be read, has no offset, or is out of range.
        """
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise RowError("the timestamp is missing")
        milliseconds = self._milliseconds(value)
        if milliseconds < 0:
            raise RowError(f"the timestamp {value!r} is before 1970")
        if milliseconds > self._last:
            raise RowError(f"the timestamp {value!r} is in the future")
        return milliseconds

    def _milliseconds(self, value: float | str) -> int:
        if isinstance(value, str):
            text = value.strip()
            if not _NUMBER.fullmatch(text):
                return self._from_text(text)
            value = float(text) if "." in text else int(text)
        if not math.isfinite(value):
            raise RowError("the timestamp is not a number")
        if abs(value) < _MAX_SECONDS:
            return int(value * 1000) if isinstance(value, int) else round(value * 1000)
        return int(value) if abs(value) < _MAX_MILLISECONDS else int(value) // 1000

    def _from_text(self, text: str) -> int:
        try:
            at = datetime.fromisoformat(text.removesuffix(" UTC") + ("Z" * text.endswith(" UTC")))
        except ValueError as error:
            raise RowError(f"the timestamp {text[:40]!r} is not ISO 8601 or a number") from error
        if at.tzinfo is None:
            at = self._local(at, text)
        return (at - _EPOCH) // _MILLISECOND

    def _local(self, at: datetime, text: str) -> datetime:
        """Return a time in the zone. Of an hour that the clocks repeat, the first is used."""
        if self._zone is None:
            raise RowError(f"the timestamp {text[:40]!r} has no offset: use --timezone")
        local = at.replace(tzinfo=self._zone)
        if local.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != at:
            raise RowError(f"the clocks of {self._zone} skip the timestamp {text[:40]!r}")
        return local
