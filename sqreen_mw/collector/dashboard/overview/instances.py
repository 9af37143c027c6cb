"""Prepare app instances for the Overview's tables and charts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from itertools import groupby
from types import MappingProxyType
from typing import Final

from sqreen_mw.collector.dashboard.overview.loss_reasons import reason_of
from sqreen_mw.collector.dashboard.overview.problems import Problems, largest_first, sort_problems
from sqreen_mw.collector.dashboard.overview.sparklines import Sparkline, sparkline
from sqreen_mw.collector.dashboard.web.charts import MINUTE, SECOND
from sqreen_mw.collector.dashboard.web.time_format import ago_text, duration_text, full_text
from sqreen_mw.collector.state.instances.model import Instance, Sample
from sqreen_mw.collector.state.instances.record import MAX_INSTANCES

RANGES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"3h": (5 * MINUTE, 36), "24h": (30 * MINUTE, 48)}
)
"""Ranges of the charts: milliseconds of a bar, and number of bars."""

RANGE_NAMES: Final = MappingProxyType({"3h": "last 3 hours", "24h": "last 24 hours"})
DEFAULT_RANGE: Final = "3h"

MAX_ROWS: Final = 100
"""Listed instances of one app that run, and as many that have ended."""

CLOCK_TOLERANCE: Final = 2 * SECOND
"""A smaller clock difference is not reported: the heartbeat's own travel time is part of it."""

Key = tuple[str, str]
"""App and id of an instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRow:
    """One instance. ``status`` is live, silent or ended."""

    instance: Instance
    status: str
    seen: str
    full: str
    uptime: str
    dropped: tuple[tuple[int, str], ...]
    problems: Problems
    clock: str
    clock_is_off: bool
    sparkline: Sparkline


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCard:
    """The instances of one app.

    Attributes:
        unlisted: Instances beyond ``MAX_ROWS``.
        is_full: The collector stores no more instances of this app, so some may be missing.
    """

    name: str
    running: tuple[InstanceRow, ...]
    ended: tuple[InstanceRow, ...]
    unlisted: int
    is_full: bool
    live: int
    waiting: int
    sparkline: Sparkline


def range_start(name: str, now: int) -> int:
    """Return the first millisecond of a range. Its last bar contains the present."""
    bar, count = RANGES[name]
    return (now // bar - count + 1) * bar


@dataclass(frozen=True, slots=True, kw_only=True)
class AppInstances:
    """The instances of one app, and the ones that are listed."""

    app: str
    known: tuple[Instance, ...]
    running: tuple[Instance, ...]
    ended: tuple[Instance, ...]


def group_by_app(instances: Iterable[Instance]) -> tuple[AppInstances, ...]:
    """Group instances by app, in the given order. The last ended instance comes first."""
    return tuple(
        _group(app, tuple(known)) for app, known in groupby(instances, key=lambda each: each.app)
    )


def _group(app: str, known: tuple[Instance, ...]) -> AppInstances:
    running = tuple(instance for instance in known if not instance.ended)
    ended = [instance for instance in known if instance.ended]
    ended.sort(key=lambda instance: -instance.last_seen)
    return AppInstances(
        app=app, known=known, running=running[:MAX_ROWS], ended=tuple(ended[:MAX_ROWS])
    )


class Cards:
    """Build the cards of the apps.

    Args:
        samples: The samples of each listed instance.
        totals: The samples of each app as a whole.
        range_name: The range of the charts.
        now: Milliseconds since the epoch.
        zone: The reader's time zone.
    """

    def __init__(
        self,
        samples: Mapping[Key, tuple[Sample, ...]],
        totals: Mapping[str, tuple[Sample, ...]],
        *,
        range_name: str,
        now: int,
        zone: tzinfo,
    ) -> None:
        self._samples = samples
        self._totals = totals
        self._bar, self._count = RANGES[range_name]
        self._start = range_start(range_name, now)
        self._now = now
        self._zone = zone

    def card(self, group: AppInstances) -> AppCard:
        """Return the card of an app."""
        live = [each for each in group.known if not each.ended and not each.is_silent(self._now)]
        return AppCard(
            name=group.app,
            running=tuple(map(self._row, group.running)),
            ended=tuple(map(self._row, group.ended)),
            unlisted=len(group.known) - len(group.running) - len(group.ended),
            is_full=len(group.known) >= MAX_INSTANCES,
            live=len(live),
            waiting=sum(instance.waiting for instance in live),
            sparkline=self._sparkline(self._totals.get(group.app, ())),
        )

    def _row(self, instance: Instance) -> InstanceRow:
        running = "silent" if instance.is_silent(self._now) else "live"
        status = "ended" if instance.ended else running
        until = self._now if status == "live" else instance.last_seen
        clock, clock_is_off = clock_text(instance.clock_skew)
        return InstanceRow(
            instance=instance,
            status=status,
            seen=ago_text(instance.last_seen, self._now),
            full=full_text(instance.last_seen, self._zone),
            uptime=duration_text(max(until - instance.started_at, SECOND)),
            dropped=largest_first(
                {reason_of(name).name: count for name, count in instance.dropped.items()}
            ),
            problems=sort_problems(instance.misuse),
            clock=clock,
            clock_is_off=clock_is_off,
            sparkline=self._sparkline(self._samples.get((instance.app, instance.instance_id), ())),
        )

    def _sparkline(self, samples: tuple[Sample, ...]) -> Sparkline:
        return sparkline(samples, start=self._start, bar=self._bar, count=self._count)


def clock_text(skew: int) -> tuple[str, bool]:
    """Describe an instance's clock. The second value is True if the clock is off.

    Args:
        skew: The collector's clock minus the instance's clock, in milliseconds.
    """
    if abs(skew) < CLOCK_TOLERANCE:
        return "in sync", False
    difference = duration_text(abs(skew) // SECOND * SECOND)
    return f"{difference} {'behind' if skew > 0 else 'ahead'}", True
