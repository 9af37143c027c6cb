"""Small plots of a process over time: what was delivered, what was lost, what waited."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqreen_mw.collector.dashboard.charts import Tick, nice_ticks
from sqreen_mw.collector.state.instance import Sample

_GAP: Final = 0.2
"""Part of a bar's room that stays empty."""

_LEAST_HEIGHT: Final = 4.0
"""Percent: a single event must still be seen."""

_LEAST_LOSS: Final = 12.0
"""Percent: a single event that is lost, or waits, must be seen at a glance."""

_USUAL: Final = 500
"""Events that wait without a reason to worry: a batch of the SDK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotBar:
    """One interval; sizes are percent of the plot, ``y`` counts from its top."""

    x: float
    width: float
    y: float
    height: float
    lost_height: float
    waiting_y: float
    waiting_height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A drawn series: the bars that are not empty, and what they add up to.

    ``rows`` are ticks of what was delivered and lost, from the top down.
    """

    bars: tuple[PlotBar, ...]
    rows: tuple[Tick, ...]
    delivered: int
    lost: int
    most_waiting: int


def plot(series: Iterable[Sample], *, start: int, bar: int, count: int) -> Plot:
    """Return the plot of samples.

    Args:
        series: Samples in any order; of several processes, those of one slot add up.
        start: The first millisecond.
        bar: Milliseconds of a bar.
        count: How many bars there are.
    """
    slots: dict[int, list[Sample]] = {}
    for sample in series:
        slots.setdefault(sample.at, []).append(sample)
    delivered, lost, waiting = [0] * count, [0] * count, [0] * count
    for at, samples in slots.items():
        place = (at - start) // bar
        if 0 <= place < count:
            delivered[place] += sum(sample.delivered for sample in samples)
            lost[place] += sum(sample.lost for sample in samples)
            waiting[place] = max(waiting[place], sum(sample.waiting for sample in samples))
    ticks = nice_ticks(max(map(sum, zip(delivered, lost, strict=True))))
    tops = ticks[-1], max(*waiting, _USUAL)
    bars = [
        _bar(place, (delivered[place], lost[place], waiting[place]), tops=tops, count=count)
        for place in range(count)
        if delivered[place] or lost[place] or waiting[place]
    ]
    return Plot(
        bars=tuple(bars),
        rows=tuple(Tick(100 - 100 * tick / tops[0], f"{tick:,}") for tick in reversed(ticks)),
        delivered=sum(delivered),
        lost=sum(lost),
        most_waiting=max(waiting),
    )


def _bar(place: int, values: tuple[int, int, int], *, tops: tuple[int, int], count: int) -> PlotBar:
    delivered, lost, waiting = values
    peak, most_waiting = tops
    lost_height = _height(lost, peak, _LEAST_LOSS)
    height = min(_height(delivered, peak, _LEAST_HEIGHT), 100 - lost_height)
    waiting_height = _height(waiting, most_waiting, _LEAST_LOSS)
    room = 100 / count
    return PlotBar(
        x=round((place + _GAP / 2) * room, 3),
        width=round(room * (1 - _GAP), 3),
        y=round(100 - lost_height - height, 2),
        height=height,
        lost_height=lost_height,
        waiting_y=round(100 - waiting_height, 2),
        waiting_height=waiting_height,
    )


def _height(value: int, top: int, least: float) -> float:
    return round(max(100 * value / top, least), 2) if value else 0.0
