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
from sqreen_mw.collector.state.heartbeats import MAX_INSTANCES
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
    """The processes of one app; ``unlisted`` are those that there is no room for.

    ``is_full`` says that there may be more than are kept.
    """

    name: str
    running: tuple[Row, ...]
    ended: tuple[Row, ...]
    unlisted: int
    is_full: bool
    live: int
    waiting: int
    plot: Plot


def range_start(name: str, now: int) -> int:
    """Return the first millisecond of a range; its last bar is the one that goes on."""
    bar, count = RANGES[name]
    return (now // bar - count + 1) * bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The processes of one app, and those of them that are listed."""

    app: str
    known: tuple[Instance, ...]
    running: tuple[Instance, ...]
    ended: tuple[Instance, ...]


def grouped(instances: Iterable[Instance]) -> tuple[Group, ...]:
    """Return the processes by app, in the order given; those that ended last come first."""
    return tuple(
        _group(app, tuple(known)) for app, known in groupby(instances, key=lambda each: each.app)
    )


def _group(app: str, known: tuple[Instance, ...]) -> Group:
    running = [instance for instance in known if not instance.ended]
    ended = [instance for instance in known if instance.ended]
    ended.sort(key=lambda instance: -instance.last_seen)
    listed = tuple(running[:MOST_ROWS]), tuple(ended[:MOST_ROWS])
    return Group(app=app, known=known, running=listed[0], ended=listed[1])


class Cards:
    """Makes the cards of the apps.

    Args:
        samples: Those of each process that is listed.
        totals: Those of each app as a whole.
        range_name: What the plots show.
        now: Milliseconds since the epoch.
    """

    def __init__(
        self,
        samples: Mapping[Key, tuple[Sample, ...]],
        totals: Mapping[str, tuple[Sample, ...]],
        *,
        range_name: str,
        now: int,
    ) -> None:
        self._samples = samples
        self._totals = totals
        self._bar, self._count = RANGES[range_name]
        self._start = range_start(range_name, now)
        self._now = now

    def card(self, group: Group) -> AppCard:
        """Return the card of an app."""
        live = [each for each in group.known if not each.ended and not each.is_quiet(self._now)]
        return AppCard(
            name=group.app,
            running=tuple(map(self._row, group.running)),
            ended=tuple(map(self._row, group.ended)),
            unlisted=len(group.known) - len(group.running) - len(group.ended),
            is_full=len(group.known) >= MAX_INSTANCES,
            live=len(live),
            waiting=sum(instance.waiting for instance in live),
            plot=self._plot(self._totals.get(group.app, ())),
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
            plot=self._plot(self._samples.get((told.app, told.instance_id), ())),
        )

    def _plot(self, series: tuple[Sample, ...]) -> Plot:
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
