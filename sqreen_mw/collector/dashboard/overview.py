"""The Overview: whether every event arrives, and how the apps' processes are."""

from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.charts import DAY, time_ticks
from sqreen_mw.collector.dashboard.fleet import (
    DEFAULT_RANGE,
    RANGE_NAMES,
    RANGES,
    AppCard,
    Cards,
    grouped,
    range_start,
)
from sqreen_mw.collector.dashboard.rendering import rendered
from sqreen_mw.collector.dashboard.verdict import Verdict, verdict_of
from sqreen_mw.collector.dashboard.visit import Visit
from sqreen_mw.collector.dashboard.zones import zone_of
from sqreen_mw.collector.state.instances import Instances


async def overview(visit: Visit) -> Response:
    """Show what was lost in the last 24 hours, and each process; a range that is none is 3 h."""
    given = visit.request.query_params.get("range", DEFAULT_RANGE)
    chosen, now = given if given in RANGES else DEFAULT_RANGE, system_clock()
    read = partial(_read, visit.services.state.instances, chosen, now=now)
    verdict, cards = await run_in_threadpool(read)
    bar, count = RANGES[chosen]
    start = range_start(chosen, now)
    context = {
        "verdict": verdict,
        "cards": cards,
        "chosen": chosen,
        "ranges": RANGE_NAMES,
        "columns": time_ticks(start, start + bar * count, zone_of("UTC")),
        "bar": bar,
    }
    return rendered(visit, "overview.html", context=context)


def _read(instances: Instances, chosen: str, *, now: int) -> tuple[Verdict, tuple[AppCard, ...]]:
    known = instances.all(since=now - DAY)
    verdict = verdict_of(instances.drops(since=now - DAY), known, now=now)
    groups, since = grouped(known), range_start(chosen, now)
    ids = [each.instance_id for group in groups for each in (*group.running, *group.ended)]
    samples = instances.samples(since=since, bar=RANGES[chosen][0], ids=ids)
    cards = Cards(samples, instances.totals(since=since), range_name=chosen, now=now)
    return verdict, tuple(map(cards.card, groups))
