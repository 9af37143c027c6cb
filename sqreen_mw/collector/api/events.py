"""Read events: pages, one event, and counts over time."""

from dataclasses import replace
from typing import Annotated, Final
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from sqreen_mw.collector.api.access import ReadableApp, app_to_read
from sqreen_mw.collector.api.body import bounded_body
from sqreen_mw.collector.api.parameters import (
    Filters,
    HistogramParameters,
    PageParameters,
)
from sqreen_mw.collector.api.problems import HEADERS, ProblemError, invalid_parameters
from sqreen_mw.collector.api.schemas import EventPage, FutureEvents, HistogramAnswer, json_of
from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.events.base import MAX_BARS, EventQuery, EventStore, StoredEvent
from sqreen_mw.collector.events.filter_parameters import format_cursor, parse_cursor
from sqreen_mw.collector.events.future import count_later
from sqreen_mw.collector.permissions import Action
from sqreen_mw.collector.read_events import read_events
from sqreen_mw.collector.services import services_of

router: Final = APIRouter()

_MAX_BODY: Final = 16 * 1024
_SECURITY: Final = {"security": [{"token": ["query"]}, {"session": []}]}

OnlyApp = Annotated[str | None, Depends(ReadableApp(Action.READ_EVENTS))]


@router.get(
    "/v1/events/query",
    summary="Find events, newest first",
    response_class=Response,
    responses={200: {"description": "A page", "content": json_of(EventPage)}},
    openapi_extra=_SECURITY,
)
async def query(
    request: Request, only_app: OnlyApp, parameters: Annotated[PageParameters, Query()]
) -> Response:
    """Return a page of the events that match the URL's parameters."""
    return await _page(request, only_app, parameters)


@router.post(
    "/v1/events/query",
    summary="Find events, newest first",
    response_class=Response,
    responses={200: {"description": "A page", "content": json_of(EventPage)}},
    openapi_extra=_SECURITY
    | {
        "requestBody": {
            "content": {"application/json": {"schema": PageParameters.model_json_schema()}}
        }
    },
)
async def query_by_body(request: Request, only_app: OnlyApp) -> Response:
    """Return a page of the events that match the JSON object's members."""
    body = await bounded_body(request, limit=_MAX_BODY)
    try:
        parameters = PageParameters.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise invalid_parameters(error.errors()) from error
    return await _page(request, only_app, parameters)


@router.get(
    "/v1/events/histogram",
    summary="Count events over time",
    response_class=Response,
    responses={200: {"description": "The counts", "content": json_of(HistogramAnswer)}},
    openapi_extra=_SECURITY,
)
async def histogram(
    request: Request, only_app: OnlyApp, parameters: Annotated[HistogramParameters, Query()]
) -> Response:
    """Return the number of events in each interval, aligned to the epoch."""
    query = parameters.query(only_app=only_app, now=system_clock())
    interval = parameters.interval
    shortest = (query.end - query.start) // (MAX_BARS - 1) + 1
    if interval < shortest:
        raise ProblemError(409, f"interval: too short for this range: use {shortest} or more")
    store = _store(request)
    future = await _future(request, parameters, query)
    found = await read_events(
        request,
        lambda deadline: store.histogram(query, interval=interval, deadline=deadline),
        query=query,
    )
    return _json(
        HistogramAnswer(
            start=found.start,
            interval=interval,
            total=found.total,
            counts=found.counts,
            counted_from=found.counted_from,
            future=future,
        )
    )


@router.get(
    "/v1/events/{event_id}",
    summary="Get one event",
    response_class=Response,
    responses={200: {"description": "The event", "content": json_of(StoredEvent)}},
    openapi_extra=_SECURITY,
)
async def event(
    request: Request, event_id: str, *, only_app: OnlyApp, app: str | None = None
) -> Response:
    """Return the event with an id. Ids are unique per app, so a session must name the app."""
    readable = app_to_read(only_app, app)
    if not readable:
        raise ProblemError(422, "app: name the app, because ids are unique per app")
    store = _store(request)
    found = await read_events(
        request, lambda deadline: store.get(readable, event_id, deadline=deadline)
    )
    if found is None:
        raise ProblemError(404, f"the app {readable!r} has no event {event_id!r}")
    return _json(found)


async def _page(request: Request, only_app: str | None, parameters: PageParameters) -> Response:
    query = parameters.query(only_app=only_app, now=system_clock())
    future = None
    if parameters.page_token is None:
        future = await _future(request, parameters, query)
    else:
        query = replace(query, after=parse_cursor(parameters.page_token))
    store, limit = _store(request), parameters.limit
    page = await read_events(
        request,
        lambda deadline: store.page(query, limit=limit, deadline=deadline),
        query=query,
    )
    token = None if page.next is None else format_cursor(page.next)
    return _json(
        EventPage(
            events=page.events,
            next_page_token=token,
            searched_from=page.searched_from,
            future=future,
        )
    )


async def _future(request: Request, parameters: Filters, query: EventQuery) -> FutureEvents | None:
    """Return the events after a range that ends now, or None."""
    if parameters.end is not None:
        return None
    store = _store(request)
    later = await read_events(
        request, lambda deadline: count_later(store, query, deadline=deadline)
    )
    if later.newest is None:
        return None
    times = {"from": query.end, "to": later.newest + 1}
    url = f"{request.scope.get('root_path', '')}/v1/events/query?"
    url += urlencode(times | parameters.filters())
    return FutureEvents(count=later.number, is_more=later.is_more, url=url)


def _store(request: Request) -> EventStore:
    return services_of(request).events


def _json(answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), headers=HEADERS, media_type="application/json")
