"""The Event Explorer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.charts import Chart, bar_chart, interval_for
from sqreen_mw.collector.dashboard.event_view import Detail, detail_of, row_of
from sqreen_mw.collector.dashboard.explorer_url import ExplorerUrl, parse_explorer_url
from sqreen_mw.collector.dashboard.first_steps import first_steps
from sqreen_mw.collector.dashboard.proxy_hint import lone_private_address
from sqreen_mw.collector.dashboard.rendering import rendered
from sqreen_mw.collector.dashboard.visit import Visit
from sqreen_mw.collector.events.base import Page
from sqreen_mw.collector.services import read_events
from sqreen_mw.collector.state import State
from sqreen_mw.errors import StoreError

PAGE_LENGTH: Final = 50

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Choices:
    """The names to choose an app and an environment from."""

    apps: tuple[str, ...]
    envs: tuple[str, ...]


async def home(visit: Visit) -> Response:
    """Go to the Explorer."""
    return RedirectResponse(f"{visit.base}/events", 303)


async def explorer(visit: Visit) -> Response:
    """Show the events that the URL asks for; a part that can't be had says so in its place."""
    store, now = visit.services.events, system_clock()
    given = visit.request.query_params
    parsed = parse_explorer_url(given, now=now)
    # Read before the page, so that what is stored in between is in the page or in the stream.
    seq = await _attempt(store.last_seq)
    if seq == 0 and not given:
        return await first_steps(visit)
    context = {
        "given": given,
        "faults": parsed.faults,
        "choices": await run_in_threadpool(_choices, visit.services.state, parsed.state.app),
        "seq": seq if isinstance(seq, int) else None,
        "window": parsed.state.window(now),
        "now": now,
    }
    if parsed.faults:
        return rendered(visit, "explorer.html", status=400, state=parsed.state, context=context)
    context |= await _results(visit, parsed.state, now)
    return rendered(visit, "explorer.html", state=parsed.state, context=context)


async def _results(visit: Visit, state: ExplorerUrl, now: int) -> dict[str, object]:
    store, query = visit.services.events, state.query(now)
    interval = interval_for(query.end - query.start)
    page, histogram, opened = await asyncio.gather(
        _attempt(lambda: store.page(query, after=state.after, limit=PAGE_LENGTH)),
        _attempt(lambda: store.histogram(query, interval=interval)),
        _opened(visit, state),
    )
    chart: Chart | StoreError = (
        histogram
        if isinstance(histogram, StoreError)
        else bar_chart(histogram, within=(query.start, query.end), zone=state.zone)
    )
    links = visit.links(state)
    rows = () if isinstance(page, StoreError) else [row_of(e, links=links) for e in page.events]
    return {
        "page_fault": str(page) if isinstance(page, StoreError) else None,
        "chart_fault": str(chart) if isinstance(chart, StoreError) else None,
        "chart": None if isinstance(chart, StoreError) else chart,
        "rows": rows,
        "proxy": _proxy(state, page),
        "older": _older(state, page, now),
        "opened": opened,
    }


def _older(state: ExplorerUrl, page: Page | StoreError, now: int) -> ExplorerUrl | None:
    if isinstance(page, StoreError) or page.next is None:
        return None
    at = None if state.start is not None else state.at or now
    return state.but(after=page.next, at=at, live=False)


def _proxy(state: ExplorerUrl, page: Page | StoreError) -> str | None:
    # With a filter, one address for all events says nothing.
    return (
        None if isinstance(page, StoreError) or state.filters else lone_private_address(page.events)
    )


async def _opened(visit: Visit, state: ExplorerUrl) -> Detail | None:
    if state.open is None:
        return None
    app, event_id = state.open
    stored = await _attempt(lambda: visit.services.events.get(app, event_id))
    if stored is None or isinstance(stored, StoreError):
        return None
    return detail_of(stored, links=visit.links(state))


async def _attempt(read: Callable[[], _Found]) -> _Found | StoreError:
    try:
        return await read_events(read)
    except StoreError as error:
        return error


def _choices(state: State, app: str | None) -> Choices:
    apps = tuple(known.name for known in state.apps.all())
    chosen = apps if app is None else (app,)
    envs = {env for name in chosen for env in state.apps.environments(name)}
    return Choices(apps, tuple(sorted(envs)))
