"""The Event Explorer and the page of one event."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.explorer.event_detail import EventDetail, event_detail
from sqreen_mw.collector.dashboard.explorer.event_row import event_row
from sqreen_mw.collector.dashboard.explorer.links import Links
from sqreen_mw.collector.dashboard.explorer.onboarding import onboarding
from sqreen_mw.collector.dashboard.explorer.proxy_hint import shared_private_address
from sqreen_mw.collector.dashboard.explorer.suggestions import KNOWN_NAMES
from sqreen_mw.collector.dashboard.explorer.url import (
    CHOICES,
    FILTER_LABELS,
    PRESET_NAMES,
    ExplorerUrl,
)
from sqreen_mw.collector.dashboard.explorer.url_parser import ParsedUrl, parse_explorer_url
from sqreen_mw.collector.dashboard.explorer.zoom import widened, zoomed_out
from sqreen_mw.collector.dashboard.web.charts import MINUTE, bar_chart, interval_for
from sqreen_mw.collector.dashboard.web.page_context import PageContext
from sqreen_mw.collector.dashboard.web.rendering import render
from sqreen_mw.collector.dashboard.web.time_format import full_text, input_text, span_text
from sqreen_mw.collector.events.base import EventQuery, Page, StoredEvent
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.events.future import count_later
from sqreen_mw.collector.read_events import read_events
from sqreen_mw.collector.state import State
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.event_id import EVENT_ID_PATTERN

PAGE_LENGTH: Final = 50

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Choices:
    """The apps, environments and event names that the filters offer."""

    apps: tuple[str, ...]
    envs: tuple[str, ...]
    names: tuple[str, ...]


async def home(page: PageContext) -> Response:
    """Redirect to the Explorer."""
    return RedirectResponse(f"{page.base}/events", 303)


async def explorer(page: PageContext) -> Response:
    """Show the events that match the URL. If one part fails, it shows its error."""
    store, now = page.services.events, system_clock()
    given = page.request.query_params
    parsed = _parsed(page, now=now)
    links = Links(page.base, parsed.url, now)
    # Read before the list, so that an event stored meanwhile is in the list or in the live tail.
    seq = await _attempt(page, lambda deadline: store.last_seq(deadline=deadline))
    if seq == 0 and not given:
        return await onboarding(page)
    values = {
        "given": given,
        "errors": parsed.errors,
        "choices": await _choices(page, parsed.url.filters.get("app")),
        "seq": seq if isinstance(seq, int) else None,
        "window": parsed.url.window(now),
        "shown_span": _shown_span(parsed.url, now=now),
        "range_fields": _range_fields(parsed, now=now),
        "known_users": (),
        "wider": zoomed_out(parsed.url, now=now),
        "widened": widened(parsed.url, now=now),
    }
    if not parsed.errors:
        values |= await _results(page, links)
    status = 400 if parsed.errors else 503 if _is_unavailable(values) else 200
    return _render(links, "explorer/explorer.html", values, page=page, status=status)


def _is_unavailable(values: Mapping[str, object]) -> bool:
    return bool(values.get("chart_error") and values.get("page_error"))


async def event_page(page: PageContext) -> Response:
    """Show everything about one event.

    Raises:
        HTTPException: 404 if the app has no event with this id.
    """
    path, now = page.request.path_params, system_clock()
    links = Links(page.base, _parsed(page, now=now).url, now)
    is_id = re.match(EVENT_ID_PATTERN, path["event_id"])
    stored = (
        await read_events(page.request, _get(page, path["app"], path["event_id"]))
        if is_id
        else None
    )
    if stored is None:
        raise HTTPException(404, "This event does not exist or was deleted.")
    detail = event_detail(stored, links=links)
    return _render(links, "explorer/event.html", {"detail": detail}, page=page)


def _parsed(page: PageContext, *, now: int) -> ParsedUrl:
    given = page.request.query_params.multi_items()
    return parse_explorer_url(given, now=now, home_tz=page.time_zone)


def _render(
    links: Links, template: str, values: Mapping[str, Any], *, page: PageContext, status: int = 200
) -> Response:
    shared = {"links": links, "url": links.url, "zone": links.url.zone}
    names = {"FILTERS": FILTER_LABELS, "CHOICES": CHOICES, "PRESETS": PRESET_NAMES}
    return render(page, template, {**shared, **names, **values}, status=status)


async def _results(page: PageContext, links: Links) -> dict[str, object]:
    store, url = page.services.events, links.url
    query = url.query(links.now)
    interval = interval_for(query.end - query.start)
    found, histogram, future, opened = await asyncio.gather(
        _attempt(
            page,
            lambda deadline: store.page(query, limit=PAGE_LENGTH, deadline=deadline),
            query=query,
        ),
        _attempt(
            page,
            lambda deadline: store.histogram(query, interval=interval, deadline=deadline),
            query=query,
        ),
        _future(page, links, query),
        _opened(page, links),
    )
    values: dict[str, object] = {
        "chart": None,
        "chart_error": None,
        "counted_from": None,
        "future": future,
        "opened": opened,
    }
    if isinstance(histogram, StoreError):
        values["chart_error"] = str(histogram)
    else:
        within = (query.start, query.end)
        values["chart"] = bar_chart(histogram, within=within, zone=url.zone, now=links.now)
        values["counted_from"] = _time(histogram.counted_from, url)
    if isinstance(found, StoreError):
        values["searched_from"] = None
        return values | {"page_error": str(found), "rows": (), "proxy": None, "older": None}
    values["searched_from"] = _time(found.searched_from, url)
    rows = [event_row(each, links=links) for each in found.events]
    return values | {
        "page_error": None,
        "rows": rows,
        # With a filter, one shared address proves nothing.
        "known_users": tuple(dict.fromkeys(row.user.text for row in rows if row.user)),
        "proxy": None if url.is_filtered else shared_private_address(found.events),
        "older": _older(links, found),
    }


@dataclass(frozen=True, slots=True)
class FutureHint:
    """Matching events that are later than a range that ends now. ``is_more``: there may be more."""

    count: int
    is_more: bool
    href: str


async def _future(page: PageContext, links: Links, query: EventQuery) -> FutureHint | None:
    if links.url.start is not None or links.url.after is not None:
        return None
    store = page.services.events
    later = await _attempt(page, lambda deadline: count_later(store, query, deadline=deadline))
    if isinstance(later, StoreError) or later.newest is None:
        return None
    href = links.explorer(links.url.with_range(query.end, later.newest + 1))
    return FutureHint(later.number, later.is_more, href)


def _time(timestamp: int | None, url: ExplorerUrl) -> str | None:
    return None if timestamp is None else full_text(timestamp, url.zone)


def _older(links: Links, found: Page) -> ExplorerUrl | None:
    if found.next is None:
        return None
    at = None if links.url.start is not None else links.url.at or links.now
    return links.url.replace(after=found.next, at=at, live=False)


async def _opened(page: PageContext, links: Links) -> EventDetail | None:
    if links.url.open is None:
        return None
    app, event_id = links.url.open
    stored = await _attempt(page, _get(page, app, event_id))
    if stored is None or isinstance(stored, StoreError):
        return None
    return event_detail(stored, links=links)


def _get(page: PageContext, app: str, event_id: str) -> Callable[[Deadline], StoredEvent | None]:
    store = page.services.events
    return lambda deadline: store.get(app, event_id, deadline=deadline)


async def _attempt(
    page: PageContext, read: Callable[[Deadline], _Found], *, query: EventQuery | None = None
) -> _Found | StoreError:
    try:
        return await read_events(page.request, read, query=query)
    except StoreError as error:
        return error


async def _choices(page: PageContext, app: str | None) -> Choices:
    apps, envs = await run_in_threadpool(_apps, page.services.state, app)
    store = page.services.events
    names = await _attempt(
        page,
        lambda deadline: store.suggest("event", "", limit=KNOWN_NAMES, app=app, deadline=deadline),
    )
    return Choices(apps, envs, () if isinstance(names, StoreError) else names)


def _apps(state: State, app: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    apps = tuple(known.name for known in state.apps.all())
    chosen = apps if app is None else (app,)
    envs = {env for name in chosen for env in state.apps.environments(name)}
    return apps, tuple(sorted(envs))


def _shown_span(url: ExplorerUrl, *, now: int) -> str:
    """Return the range as text. A range that ends now has no seconds."""
    start, end = url.window(now)
    if url.start is None:
        start, end = start // MINUTE * MINUTE, end // MINUTE * MINUTE
    return span_text(start, end, url.zone)


def _range_fields(parsed: ParsedUrl, *, now: int) -> dict[str, str]:
    """Return the values of the range's fields: the given ones if they are wrong."""
    start, end = parsed.url.window(now)
    end = end if parsed.url.start is not None else min(end, now)
    shown = {"from": input_text(start, parsed.url.zone), "to": input_text(end, parsed.url.zone)}
    return {**shown, **parsed.range_fields}
