"""Read events: pages, one event, and counts over time."""

from dataclasses import replace
from functools import partial
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from sqreen_mw.collector.api.access import ReadableApp, app_to_read
from sqreen_mw.collector.api.body import bounded_body
from sqreen_mw.collector.api.parameters import HistogramParameters, PageParameters
from sqreen_mw.collector.api.problems import HEADERS, ProblemError, invalid_parameters
from sqreen_mw.collector.api.schemas import EventPage, HistogramAnswer, json_of
from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.events.base import MAX_BARS, EventStore, StoredEvent
from sqreen_mw.collector.events.filter_parameters import format_cursor, parse_cursor
from sqreen_mw.collector.permissions import Action
from sqreen_mw.collector.services import read_events, services_of

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
    if (query.end - query.start) // interval >= MAX_BARS - 1:
        raise ProblemError(
            422,
            f"interval: too short, the maximum is {MAX_BARS - 1} intervals: use longer intervals",
        )
    found = await read_events(partial(_store(request).histogram, query, interval=interval))
    return _json(
        HistogramAnswer(
            start=found.start, interval=interval, total=found.total, counts=found.counts
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
    found = await read_events(partial(_store(request).get, readable, event_id))
    if found is None:
        raise ProblemError(404, f"the app {readable!r} has no event {event_id!r}")
    return _json(found)


async def _page(request: Request, only_app: str | None, parameters: PageParameters) -> Response:
    query = parameters.query(only_app=only_app, now=system_clock())
    if parameters.page_token is not None:
        query = replace(query, after=parse_cursor(parameters.page_token))
    page = await read_events(partial(_store(request).page, query, limit=parameters.limit))
    token = None if page.next is None else format_cursor(page.next)
    return _json(EventPage(events=page.events, next_page_token=token))


def _store(request: Request) -> EventStore:
    return services_of(request).events


def _json(answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), headers=HEADERS, media_type="application/json")
