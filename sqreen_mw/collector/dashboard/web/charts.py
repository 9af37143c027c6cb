"""Compute the geometry of bar charts, in percent so that a chart fits any width."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from sqreen_mw.collector.dashboard.web.time_format import local_time, milliseconds_of
from sqreen_mw.collector.events.base import Histogram

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_INTERVALS: Final = (
    *(n * SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 3, 6, 12)),
    *(n * DAY for n in (1, 2, 7, 14, 30, 91, 365, 3650, 36500)),
)
SHORTEST_ZOOM: Final = 10 * SECOND
"""Shorter bars are no links."""

_MAX_BARS: Final = 72
_MAX_TICKS: Final = 9
_GAP: Final = 0.22
"""Share of each slot that stays empty."""

_MIN_HEIGHT: Final = 1.5
"""Percent, so that one event among thousands stays visible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One interval. Sizes are percent of the plot; ``y`` counts from the top.

    ``is_partial`` is True if the interval has not ended yet.
    """

    count: int
    start: int
    end: int
    slot_x: float
    slot_width: float
    x: float
    width: float
    y: float
    height: float
    is_partial: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis, in percent. Narrow screens hide ``minor`` ticks."""

    position: float
    label: str
    minor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A histogram to draw. ``rows`` are ticks from the top down, ``columns`` from the left."""

    start: int
    end: int
    interval: int
    total: int
    bars: tuple[Bar, ...]
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]


def interval_for(length: int) -> int:
    """Return the shortest round interval that splits a length into at most 72 bars."""
    for interval in _INTERVALS:
        if length <= interval * _MAX_BARS:
            return interval
    return _INTERVALS[-1]


def nice_ticks(maximum: int) -> tuple[int, ...]:
    """Return 0 and up to four steps of 1, 2 or 5 times a power of ten that cover the maximum."""
    rough = max(maximum, 1) / 3
    power = 10 ** math.floor(math.log10(rough)) if rough >= 1 else 1
    step = int(next(m * power for m in (1, 2, 5, 10) if m * power >= rough))
    return tuple(range(0, step * math.ceil(max(maximum, 1) / step) + 1, step))


def bar_chart(histogram: Histogram, *, within: tuple[int, int], zone: tzinfo, now: int) -> Chart:
    """Return the chart of a histogram. No bar links to a time outside of the counted range.

    Args:
        histogram: The counts. The first and the last interval may extend beyond the range.
        within: Start of the range, and its end (exclusive): the ends of the plot.
        zone: Ticks are at round times of this zone.
        now: Milliseconds since the epoch. The bar that contains it is partial.
    """
    counts = histogram.counts
    ticks = nice_ticks(max(counts, default=0))
    plot = _Plot(*within, top=ticks[-1], now=now)
    rows = tuple(Tick(100 - 100 * tick / ticks[-1], f"{tick:,}") for tick in reversed(ticks))
    return Chart(
        start=plot.start,
        end=plot.end,
        interval=histogram.interval,
        total=sum(counts),
        bars=tuple(plot.bar(histogram, index) for index in range(len(counts))),
        rows=rows,
        columns=time_ticks(plot.start, plot.end, zone),
    )


@dataclass(frozen=True, slots=True)
class _Plot:
    """The area of the bars, from ``start`` to ``end`` and from 0 to ``top``."""

    start: int
    end: int
    top: int
    now: int

    def bar(self, histogram: Histogram, index: int) -> Bar:
        count, first = histogram.counts[index], histogram.start + index * histogram.interval
        start, end = max(first, self.start), min(first + histogram.interval, self.end)
        height = max(100 * count / self.top, _MIN_HEIGHT) if count else 0.0
        x, width = self._percent(start - self.start), self._percent(end - start)
        return Bar(
            count=count,
            start=start,
            end=end,
            slot_x=round(x, 4),
            slot_width=round(width, 4),
            x=round(x + width * _GAP / 2, 4),
            width=round(width * (1 - _GAP), 4),
            y=round(100 - height, 3),
            height=round(height, 3),
            is_partial=first <= self.now < first + histogram.interval,
        )

    def _percent(self, length: int) -> float:
        return 100 * length / max(self.end - self.start, 1)


def time_ticks(start: int, end: int, zone: tzinfo) -> tuple[Tick, ...]:
    """Return at most nine ticks of a range, at round local times of the zone."""
    length = max(end - start, 1)
    step = next((s for s in _INTERVALS if length / s <= _MAX_TICKS), _INTERVALS[-1])
    local = local_time(start, zone).replace(tzinfo=UTC)
    first = -(-milliseconds_of(local) // step) * step
    ticks: list[Tick] = []
    for wall in range(first, first + length + step, step):
        instant = _instant(wall, zone)
        if instant is not None and start <= instant < end:
            position = round(100 * (instant - start) / length, 3)
            ticks.append(Tick(position, _label(wall, step, length), minor=len(ticks) % 2 == 1))
    return tuple(ticks)


def _instant(wall: int, zone: tzinfo) -> int | None:
    try:
        wall_time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=wall)
        return milliseconds_of(wall_time.replace(tzinfo=zone))
    except OverflowError:
        return None


def _label(wall: int, step: int, length: int) -> str:
    time = local_time(wall, UTC)
    if length > 300 * DAY:
        return f"{time:%b} {time.year}"
    if step >= DAY or wall % DAY == 0:
        return f"{time.day} {time:%b}"
    return f"{time:%H:%M:%S}" if step < MINUTE else f"{time:%H:%M}"
