"""The apps' processes in the words and plots that the Overview shows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from itertools import groupby
from types import MappingProxyType
from typing import Final

from sqreen_mw.collector.dashboard.charts import MINUTE, SECOND
from sqreen_mw.collector.dashboard.loss_reasons import reason_of
from sqreen_mw.collector.dashboard.plots import Plot, plot
from sqreen_mw.collector.dashboard.zones import duration_text, full_text
from sqreen_mw.collector.state.instance import Instance, Sample

RANGES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"3h": (5 * MINUTE, 36), "24h": (30 * MINUTE, 48)}
)
"""What the plots can show: milliseconds of a bar, and the number of bars."""

RANGE_NAMES: Final = MappingProxyType({"3h": "last 3 hours", "24h": "last 24 hours"})
DEFAULT_RANGE: Final = "3h"

MOST_ROWS: Final = 100
"""Processes of one app that are listed, and as many of those that have ended."""

IN_STEP: Final = 2 * SECOND
"""Milliseconds that a clock may be off without a word: the way takes time, too."""

Key = tuple[str, str]
"""App and id of a process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One process; ``status`` is live, quiet or ended."""

    told: Instance
    status: str
    seen: str
    full: str
    uptime: str
    dropped: tuple[tuple[int, str], ...]
    misuse: tuple[tuple[int, str], ...]
    clock: str
    is_off: bool
    plot: Plot


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCard:
    """The processes of one app; ``unlisted`` are those that there is no room for."""

    name: str
    running: tuple[Row, ...]
    ended: tuple[Row, ...]
    unlisted: int
    live: int
    waiting: int
    plot: Plot


def range_start(name: str, now: int) -> int:
    """Return the first millisecond of a range; its last bar is the one that goes on."""
    bar, count = RANGES[name]
    return (now // bar - count + 1) * bar


def app_cards(
    instances: Iterable[Instance],
    samples: Mapping[Key, tuple[Sample, ...]],
    *,
    range_name: str,
    now: int,
) -> tuple[AppCard, ...]:
    """Return a card for each app, by name; those that have ended come last."""
    cards = _Cards(samples, range_name, now)
    by_app = groupby(instances, key=lambda instance: instance.app)
    return tuple(cards.card(name, tuple(group)) for name, group in by_app)


class _Cards:
    def __init__(self, samples: Mapping[Key, tuple[Sample, ...]], name: str, now: int) -> None:
        self._samples = samples
        self._bar, self._count = RANGES[name]
        self._start = range_start(name, now)
        self._now = now

    def card(self, name: str, instances: tuple[Instance, ...]) -> AppCard:
        """Return the card of an app."""
        running = [instance for instance in instances if not instance.ended]
        ended = [instance for instance in instances if instance.ended]
        ended.sort(key=lambda instance: -instance.last_seen)
        live = [instance for instance in running if not instance.is_quiet(self._now)]
        unlisted = len(running[MOST_ROWS:]) + len(ended[MOST_ROWS:])
        return AppCard(
            name=name,
            running=tuple(map(self._row, running[:MOST_ROWS])),
            ended=tuple(map(self._row, ended[:MOST_ROWS])),
            unlisted=unlisted,
            live=len(live),
            waiting=sum(instance.waiting for instance in live),
            plot=self._plot(*instances),
        )

    def _row(self, told: Instance) -> Row:
        quiet = "quiet" if told.is_quiet(self._now) else "live"
        clock, is_off = clock_text(told.clock_skew)
        return Row(
            told=told,
            status="ended" if told.ended else quiet,
            seen=ago_text(told.last_seen, self._now),
            full=full_text(told.last_seen, UTC),
            uptime=duration_text(max(told.last_seen - told.started_at, 0)),
            dropped=_counted({reason_of(name).name: n for name, n in told.dropped.items()}),
            misuse=_counted(told.misuse),
            clock=clock,
            is_off=is_off,
            plot=self._plot(told),
        )

    def _plot(self, *instances: Instance) -> Plot:
        """Return one plot of some processes."""
        keys = [(instance.app, instance.instance_id) for instance in instances]
        series = (sample for key in keys for sample in self._samples.get(key, ()))
        return plot(series, start=self._start, bar=self._bar, count=self._count)


def _counted(counts: Mapping[str, int]) -> tuple[tuple[int, str], ...]:
    return tuple(sorted(((n, name) for name, n in counts.items() if n), reverse=True))


def ago_text(instant: int, now: int) -> str:
    """Return how long ago an instant was, in whole seconds and in its largest units."""
    seconds = max(now - instant, 0) // SECOND
    return f"{duration_text(seconds * SECOND)} ago" if seconds else "just now"


def clock_text(skew: int) -> tuple[str, bool]:
    """Say how a process's clock differs from the collector's, and whether that is odd.

    Args:
        skew: The collector's clock less the process's, in milliseconds.
    """
    if abs(skew) < IN_STEP:
        return "in step", False
    off = duration_text(abs(skew) // SECOND * SECOND)
    return f"{off} {'behind' if skew > 0 else 'ahead'}", True
