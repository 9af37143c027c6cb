"""``POST /v1/import``: batches of events from the past."""

from dataclasses import replace
from functools import cache, partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from sqreen_mw.capture.scrub_event import scrubbed_event
from sqreen_mw.collector.api.access import TokenFor, app_of
from sqreen_mw.collector.api.body import bounded_body, json_encoding
from sqreen_mw.collector.api.ingest import read_batch
from sqreen_mw.collector.api.problems import HEADERS
from sqreen_mw.collector.api.schemas import json_of
from sqreen_mw.collector.permissions import Action
from sqreen_mw.collector.services import services_of
from sqreen_mw.collector.state.tokens import Token
from sqreen_mw.protocol.batch import DecodedBatch, Envelope, IngestAnswer, encode_answer
from sqreen_mw.protocol.limits import MAX_WIRE_BYTES
from sqreen_mw.scrubbing.scrubber import Scrubber

router: Final = APIRouter()


@router.post(
    "/v1/import",
    summary="Store a batch of events from the past",
    status_code=202,
    response_class=Response,
    responses={202: {"description": "Committed", "content": json_of(IngestAnswer)}},
    openapi_extra={
        "requestBody": {"required": True, "content": json_of(Envelope)},
        "security": [{"token": ["import"]}],
    },
)
async def import_events(
    request: Request,
    token: Annotated[Token, Depends(TokenFor(Action.IMPORT_EVENTS))],
    *,
    trusted: Annotated[
        bool, Query(description="the events hold no secrets, so the collector masks nothing")
    ] = False,
) -> Response:
    """Store a batch like ``POST /v1/events``, and mark its events as imported.

    Imported events never trigger a response. Secrets in them are masked, unless ``trusted`` is set.
    """
    encoding = json_encoding(request.headers)
    body = await bounded_body(request, limit=MAX_WIRE_BYTES)
    services = services_of(request)
    app_named = partial(app_of, token, Action.IMPORT_EVENTS, apps=services.state.apps)

    def read() -> tuple[str, DecodedBatch]:
        app, batch = read_batch(body, encoding=encoding, app_named=app_named)
        return app, batch if trusted else _scrubbed(batch)

    answer = await services.pipeline.submit(read, token_id=token.id, imported=True)
    return Response(encode_answer(answer), 202, headers=HEADERS, media_type="application/json")


def _scrubbed(batch: DecodedBatch) -> DecodedBatch:
    scrubber = _scrubber()
    return replace(batch, events=[scrubbed_event(event, scrubber) for event in batch.events])


@cache
def _scrubber() -> Scrubber:
    return Scrubber()
