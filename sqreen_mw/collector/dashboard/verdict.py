"""Whether events were lost: the strip at the top of the Overview."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqreen_mw.collector.dashboard.fleet import ago_text
from sqreen_mw.collector.dashboard.loss_reasons import reason_of
from sqreen_mw.collector.state.drops import Drop
from sqreen_mw.collector.state.instance import Instance
from sqreen_mw.protocol.heartbeat import WANTED

MOST_PLACES: Final = 4
MOST_UNSURE: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Events lost for one reason; ``places`` are apps and hosts, those that lost most first."""

    count: int
    reason: str
    advice: str
    places: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsure:
    """A process that fell silent without having said that it ends."""

    place: str
    seen: str
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was lost for certain, what may be missing, and what the app itself wanted gone."""

    lost: int
    losses: tuple[Loss, ...]
    unsure: tuple[Unsure, ...]
    more_unsure: int
    may_miss: int
    wanted: int


def verdict_of(drops: Iterable[Drop], instances: Iterable[Instance], *, now: int) -> Verdict:
    """Return the verdict on what was dropped, and on who is silent."""
    by_reason: dict[str, list[Drop]] = {}
    wanted = 0
    for drop in drops:
        if drop.reason in WANTED:
            wanted += drop.count
        else:
            by_reason.setdefault(drop.reason, []).append(drop)
    losses = sorted((_loss(*each) for each in by_reason.items()), key=lambda loss: -loss.count)
    quiet = [each for each in instances if each.is_quiet(now) or (each.ended and each.in_memory)]
    quiet.sort(key=lambda each: -each.in_memory)
    return Verdict(
        lost=sum(loss.count for loss in losses),
        losses=tuple(losses),
        unsure=tuple(_unsure(each, now) for each in quiet[:MOST_UNSURE]),
        more_unsure=max(0, len(quiet) - MOST_UNSURE),
        may_miss=sum(each.in_memory for each in quiet),
        wanted=wanted,
    )


def _loss(name: str, drops: list[Drop]) -> Loss:
    places: Counter[tuple[str, str]] = Counter()
    for drop in drops:
        places[drop.app, drop.host] += drop.count
    told = [_place(*place) for place, _ in places.most_common(MOST_PLACES)]
    if len(places) > MOST_PLACES:
        told.append(f"and {len(places) - MOST_PLACES} more")
    reason = reason_of(name)
    return Loss(
        count=places.total(), reason=reason.name, advice=reason.advice, places="; ".join(told)
    )


def _unsure(instance: Instance, now: int) -> Unsure:
    pid = f", process {instance.pid}" if instance.pid is not None else ""
    return Unsure(
        place=_place(instance.app, instance.host or "") + pid,
        seen=ago_text(instance.last_seen, now),
        waiting=instance.in_memory,
    )


def _place(app: str, host: str) -> str:
    return f"{app}, {host}" if host else app
