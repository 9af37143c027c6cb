"""Summarize lost events at the top of the Overview."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqreen_mw.collector.dashboard.overview.loss_reasons import reason_of
from sqreen_mw.collector.dashboard.web.time_format import ago_text
from sqreen_mw.collector.state.instances.losses import Drop
from sqreen_mw.collector.state.instances.model import Instance
from sqreen_mw.protocol.heartbeat import INTENTIONAL_DROP_REASONS

MAX_SOURCES: Final = 4
MAX_SILENT: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Events lost for one reason. ``sources`` lists apps and hosts, largest loss first."""

    count: int
    reason: str
    advice: str
    sources: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentInstance:
    """An instance that stopped sending heartbeats without reporting its end."""

    source: str
    seen: str
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LossSummary:
    """Lost events, possibly lost events, and events that the app dropped on purpose."""

    lost: int
    losses: tuple[Loss, ...]
    silent: tuple[SilentInstance, ...]
    more_silent: int
    possibly_lost: int
    intentional: int


def summarize_losses(
    drops: Iterable[Drop], instances: Iterable[Instance], *, now: int
) -> LossSummary:
    """Return the summary of dropped events and silent instances."""
    by_reason: dict[str, list[Drop]] = {}
    intentional = 0
    for drop in drops:
        if drop.reason in INTENTIONAL_DROP_REASONS:
            intentional += drop.count
        else:
            by_reason.setdefault(drop.reason, []).append(drop)
    losses = sorted((_loss(*each) for each in by_reason.items()), key=lambda loss: -loss.count)
    silent = [each for each in instances if each.is_silent(now) or (each.ended and each.in_memory)]
    silent.sort(key=lambda each: -each.in_memory)
    return LossSummary(
        lost=sum(loss.count for loss in losses),
        losses=tuple(losses),
        silent=tuple(_silent(each, now) for each in silent[:MAX_SILENT]),
        more_silent=max(0, len(silent) - MAX_SILENT),
        possibly_lost=sum(each.in_memory for each in silent),
        intentional=intentional,
    )


def _loss(name: str, drops: list[Drop]) -> Loss:
    counts: Counter[tuple[str, str]] = Counter()
    for drop in drops:
        counts[drop.app, drop.host] += drop.count
    sources = [_source(*source) for source, _ in counts.most_common(MAX_SOURCES)]
    if len(counts) > MAX_SOURCES:
        sources.append(f"and {len(counts) - MAX_SOURCES} more")
    reason = reason_of(name)
    return Loss(
        count=counts.total(),
        reason=reason.name,
        advice=reason.advice,
        sources="; ".join(sources),
    )


def source_of(instance: Instance) -> str:
    """Return the app, host and process id of an instance."""
    pid = f", pid {instance.pid}" if instance.pid is not None else ""
    return _source(instance.app, instance.host or "") + pid


def _silent(instance: Instance, now: int) -> SilentInstance:
    return SilentInstance(
        source=source_of(instance),
        seen=ago_text(instance.last_seen, now),
        waiting=instance.in_memory,
    )


def _source(app: str, host: str) -> str:
    return f"{app}, {host}" if host else app
