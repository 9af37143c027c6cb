"""The Overview page."""

from datetime import tzinfo
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.overview.instances import (
    DEFAULT_RANGE,
    RANGE_NAMES,
    RANGES,
    AppCard,
    Cards,
    group_by_app,
    range_start,
)
from sqreen_mw.collector.dashboard.overview.loss_summary import LossSummary, summarize_losses
from sqreen_mw.collector.dashboard.overview.problems import MAX_LINES, Outage, find_outages
from sqreen_mw.collector.dashboard.overview.wrong_clocks import WrongClock, find_wrong_clocks
from sqreen_mw.collector.dashboard.web.charts import DAY, HOUR, time_ticks
from sqreen_mw.collector.dashboard.web.page_context import PageContext
from sqreen_mw.collector.dashboard.web.rendering import render
from sqreen_mw.collector.dashboard.web.time_format import local_time, zone_of, zone_text
from sqreen_mw.collector.services import Services


async def overview(page: PageContext) -> Response:
    """Show the losses of the last 24 hours and each instance. An unknown range means 3 hours."""
    given = page.request.query_params.get("range", DEFAULT_RANGE)
    chosen, now = given if given in RANGES else DEFAULT_RANGE, system_clock()
    zone = zone_of(page.time_zone)
    read = partial(_read, page.services, chosen, now=now, zone=zone)
    summary, outages, clocks, cards = await run_in_threadpool(read)
    bar, count = RANGES[chosen]
    start = range_start(chosen, now)
    values = {
        "summary": summary,
        "outages": outages,
        "MAX_OUTAGES": MAX_LINES,
        "wrong_clocks": clocks,
        "cards": cards,
        "chosen": chosen,
        "ranges": RANGE_NAMES,
        "columns": time_ticks(start, start + bar * count, zone),
        "bar": bar,
        "zone": zone_text(local_time(now, zone)),
    }
    return render(page, "overview/overview.html", values)


def _read(
    services: Services, chosen: str, *, now: int, zone: tzinfo
) -> tuple[LossSummary, tuple[Outage, ...], tuple[WrongClock, ...], tuple[AppCard, ...]]:
    instances = services.state.instances
    known = instances.all(since=now - DAY)
    summary = summarize_losses(instances.drops(since=now - DAY), known, now=now)
    senders = services.pipeline.sender_clocks.since(now - HOUR)
    clocks = find_wrong_clocks(known, senders, now=now)
    groups, since = group_by_app(known), range_start(chosen, now)
    ids = [each.instance_id for group in groups for each in (*group.running, *group.ended)]
    samples = instances.samples(since=since, bar=RANGES[chosen][0], ids=ids)
    totals = instances.totals(since=since)
    cards = Cards(samples, totals, range_name=chosen, now=now, zone=zone)
    outages = find_outages(known, samples, now=now, zone=zone)
    return summary, outages, clocks, tuple(map(cards.card, groups))
