"""Sort the counted problems of an instance: wrong calls, failed deliveries, and others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from types import MappingProxyType
from typing import Final

from sqreen_mw.collector.dashboard.overview.loss_summary import source_of
from sqreen_mw.collector.dashboard.web.charts import MINUTE
from sqreen_mw.collector.dashboard.web.time_format import (
    duration_text,
    local_time,
    minute_text,
    zone_text,
)
from sqreen_mw.collector.state.instances.model import Instance, Sample

MAX_LINES: Final = 5

WRONG_CALLS: Final = frozenset(
    {
        "arguments",
        "auth_success",
        "closed",
        "collect_body_type",
        "identifiers_count",
        "identifiers_empty",
        "identifiers_type",
        "identify_outside",
        "name_empty",
        "name_length",
        "name_reserved",
        "name_type",
        "option_unknown",
        "options_type",
        "properties_count",
        "properties_type",
        "request_type",
        "timeout",
        "timestamp_naive",
        "timestamp_type",
        "traits_count",
        "traits_type",
    }
)
"""The SDK's names of wrong calls. All other names are problems that no call caused."""

_UNREACHABLE: Final = (
    "Check that the collector is up and has disk space, and that the app reaches SQREEN_URL. The "
    "app's log names the cause. Set SQREEN_SPOOL_DIR to keep waiting events if the app restarts."
)

DELIVERY: Final = MappingProxyType(
    {
        "misconfigured": (
            "refused deliveries",
            (
                "The collector refuses the app's events: check SQREEN_TOKEN, SQREEN_URL and "
                "SQREEN_APP_NAME. The app's log names the wrong setting."
            ),
        ),
        "spool": (
            "spool failures",
            (
                "The app cannot use its spool: check the permissions and the free space of "
                "SQREEN_SPOOL_DIR."
            ),
        ),
        "delivery_start": (
            "failed starts of the delivery thread",
            "The SDK could not start its thread: check the limits of threads and memory.",
        ),
        "delivery_thread": (
            "failed starts of the delivery thread",
            "The SDK could not start its thread: check the limits of threads and memory.",
        ),
        "overflow": ("queue overflows", _UNREACHABLE),
        "undelivered": ("failed deliveries", _UNREACHABLE),
    }
)
"""The SDK's names of delivery problems, most specific first: their text and the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problems:
    """The counted problems of one instance, each largest first."""

    delivery: tuple[tuple[int, str], ...]
    misuse: tuple[tuple[int, str], ...]
    other: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """An instance that is live but delivers no events."""

    source: str
    since: str
    length: str
    waiting: int
    lost: int
    advice: str


def largest_first(counts: Mapping[str, int]) -> tuple[tuple[int, str], ...]:
    """Return counts and names, the largest first, without zeros."""
    return tuple(sorted(((count, name) for name, count in counts.items() if count), reverse=True))


def sort_problems(counts: Mapping[str, int]) -> Problems:
    """Sort the counts of a heartbeat's ``misuse`` by kind."""
    delivery: dict[str, int] = {}
    misuse: dict[str, int] = {}
    other: dict[str, int] = {}
    for name, count in counts.items():
        if name in DELIVERY:
            text = DELIVERY[name][0]
            delivery[text] = delivery.get(text, 0) + count
        else:
            (misuse if name in WRONG_CALLS else other)[name] = count
    return Problems(
        delivery=largest_first(delivery), misuse=largest_first(misuse), other=largest_first(other)
    )


def find_outages(
    instances: Iterable[Instance],
    samples: Mapping[tuple[str, str], tuple[Sample, ...]],
    *,
    now: int,
    zone: tzinfo,
) -> tuple[Outage, ...]:
    """Return the live instances that deliver no events, most waiting events first."""
    found: list[tuple[Instance, int]] = []
    for instance in instances:
        since = _stuck_since(instance, samples.get((instance.app, instance.instance_id), ()))
        if since is not None and not instance.ended and not instance.is_silent(now):
            found.append((instance, since))
    found.sort(key=lambda each: -each[0].waiting)
    return tuple(_outage(*each, now=now, zone=zone) for each in found)


def _stuck_since(instance: Instance, samples: tuple[Sample, ...]) -> int | None:
    """Return the start of the last samples that have waiting events and no delivered ones."""
    if not instance.waiting or not DELIVERY.keys() & instance.misuse.keys():
        return None
    since = None
    for sample in reversed(samples):
        if sample.delivered or not sample.waiting:
            break
        since = max(sample.at, instance.started_at)
    return since


def _outage(instance: Instance, since: int, *, now: int, zone: tzinfo) -> Outage:
    since = since // MINUTE * MINUTE
    advice = next(fix for name, (_, fix) in DELIVERY.items() if instance.misuse.get(name))
    return Outage(
        source=source_of(instance),
        since=f"{minute_text(since, zone)} {zone_text(local_time(since, zone))}",
        length=duration_text(max(now - since, MINUTE) // MINUTE * MINUTE),
        waiting=instance.waiting,
        lost=instance.lost,
        advice=advice,
    )
