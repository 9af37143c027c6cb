"""Divide time into periods. Each has a file of its own, so that indexes stay small.

Days are near the present, months are further away, and two long periods hold all other times. So
events with any timestamps make a few hundred files at most.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import Final

from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP

DAYS_BEFORE_NOW: Final = 40
"""Earlier days share the file of a month."""

DAYS_AFTER_NOW: Final = 2
"""Later days share the file of a month."""

YEARS_OF_MONTHS: Final = 10
"""Months that are further away share one file in the past and one in the future."""

_DAY: Final = 24 * 60 * 60 * 1000
_EPOCH: Final = date(1970, 1, 1)
_NAME: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:_(\d{4}-\d\d-\d\d))?")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Whole days, UTC: from the millisecond ``start`` to before ``end``, since the epoch."""

    start: int
    end: int

    def __contains__(self, timestamp: int) -> bool:
        """Return True if a time lies in the period."""
        return self.start <= timestamp < self.end

    @property
    def name(self) -> str:
        """The first day, and the last one if it is another."""
        first, last = _date(self.start), _date(self.end - _DAY)
        return str(first) if first == last else f"{first}_{last}"


def parse_period(name: str) -> Period | None:
    """Return the period of a name, or None for another text."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        first, last = (date.fromisoformat(text) for text in (match[1], match[2] or match[1]))
    except ValueError:
        return None
    return Period(_start_of(first), _start_of(last) + _DAY) if first <= last else None


def find_period(periods: Sequence[Period], timestamp: int) -> Period | None:
    """Return the period that holds a time. The periods are sorted and do not overlap."""
    index = bisect_right(periods, timestamp, key=attrgetter("start"))
    found = periods[index - 1] if index else None
    return found if found is not None and timestamp in found else None


def new_period(periods: Sequence[Period], timestamp: int, *, now: int) -> Period:
    """Return a period for a time that no other period holds. It overlaps with none of them.

    Args:
        periods: The existing periods.
        timestamp: A time of an event, in milliseconds since the epoch.
        now: The present, in milliseconds since the epoch.
    """
    whole = next(one for one in _calendar(timestamp, now) if timestamp in one)
    return Period(
        max(whole.start, *(one.end for one in periods if one.end <= timestamp), MIN_TIMESTAMP),
        min(whole.end, *(one.start for one in periods if one.start > timestamp), MAX_TIMESTAMP + 1),
    )


def _calendar(timestamp: int, now: int) -> Sequence[Period]:
    """Return periods of all times; around the timestamp they are as short as they can be."""
    today, day = _date(now), _date(timestamp)
    month = day.replace(day=1)
    years = timedelta(days=366 * YEARS_OF_MONTHS)
    near = (
        _start_of(today - timedelta(days=DAYS_BEFORE_NOW)),
        _start_of(today + timedelta(days=DAYS_AFTER_NOW + 1)),
    )
    bounds = {
        MIN_TIMESTAMP,
        _start_of((today - years).replace(day=1)),
        *near,
        _start_of((today + years).replace(day=1)),
        MAX_TIMESTAMP + 1,
    }
    if near[0] <= timestamp < near[1]:
        bounds |= {_start_of(day), _start_of(day) + _DAY}
    elif abs(day - today) < years:
        bounds |= {_start_of(month), _start_of(_next_month(month))}
    return [Period(start, end) for start, end in pairwise(sorted(bounds))]


def _next_month(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _date(timestamp: int) -> date:
    return _EPOCH + timedelta(days=timestamp // _DAY)


def _start_of(day: date) -> int:
    return (day - _EPOCH).days * _DAY
