"""Small charts of delivered, lost and waiting events over time."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqreen_mw.collector.dashboard.web.charts import Tick, nice_ticks
from sqreen_mw.collector.state.instances.model import Sample

_GAP: Final = 0.2
"""Share of each slot that stays empty."""

_MIN_HEIGHT: Final = 4.0
"""Percent, so that a single event stays visible."""

_MIN_LOSS_HEIGHT: Final = 12.0
"""Percent, so that a single lost or waiting event is easy to see."""

_NORMAL_WAITING: Final = 500
"""A normal number of waiting events: one batch of the SDK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SparklineBar:
    """One interval. Sizes are percent of the chart; ``y`` counts from the top."""

    x: float
    width: float
    y: float
    height: float
    lost_height: float
    waiting_y: float
    waiting_height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """A small chart: its bars (without the empty ones) and their sums.

    ``rows`` are ticks of delivered and lost events, from the top down.
    """

    bars: tuple[SparklineBar, ...]
    rows: tuple[Tick, ...]
    delivered: int
    lost: int
    max_waiting: int


def sparkline(samples: Iterable[Sample], *, start: int, bar: int, count: int) -> Sparkline:
    """Return the chart of samples.

    Args:
        samples: Samples in any order. Samples of several instances in one slot are summed.
        start: The first millisecond.
        bar: Milliseconds of a bar.
        count: Number of bars.
    """
    slots: dict[int, list[Sample]] = {}
    for sample in samples:
        slots.setdefault(sample.at, []).append(sample)
    delivered, lost, waiting = [0] * count, [0] * count, [0] * count
    for at, in_slot in slots.items():
        position = (at - start) // bar
        if 0 <= position < count:
            delivered[position] += sum(sample.delivered for sample in in_slot)
            lost[position] += sum(sample.lost for sample in in_slot)
            waiting[position] = max(waiting[position], sum(sample.waiting for sample in in_slot))
    ticks = nice_ticks(max(map(sum, zip(delivered, lost, strict=True))))
    tops = ticks[-1], max(*waiting, _NORMAL_WAITING)
    bars = [
        _bar(
            position,
            (delivered[position], lost[position], waiting[position]),
            tops=tops,
            count=count,
        )
        for position in range(count)
        if delivered[position] or lost[position] or waiting[position]
    ]
    return Sparkline(
        bars=tuple(bars),
        rows=tuple(Tick(100 - 100 * tick / tops[0], f"{tick:,}") for tick in reversed(ticks)),
        delivered=sum(delivered),
        lost=sum(lost),
        max_waiting=max(waiting),
    )


def _bar(
    position: int, values: tuple[int, int, int], *, tops: tuple[int, int], count: int
) -> SparklineBar:
    delivered, lost, waiting = values
    peak, max_waiting = tops
    lost_height = _height(lost, peak, _MIN_LOSS_HEIGHT)
    height = min(_height(delivered, peak, _MIN_HEIGHT), 100 - lost_height)
    waiting_height = _height(waiting, max_waiting, _MIN_LOSS_HEIGHT)
    slot = 100 / count
    return SparklineBar(
        x=round((position + _GAP / 2) * slot, 3),
        width=round(slot * (1 - _GAP), 3),
        y=round(100 - lost_height - height, 2),
        height=height,
        lost_height=lost_height,
        waiting_y=round(100 - waiting_height, 2),
        waiting_height=waiting_height,
    )


def _height(value: int, top: int, minimum: float) -> float:
    return round(max(100 * value / top, minimum), 2) if value else 0.0
