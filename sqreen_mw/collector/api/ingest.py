"""``POST /v1/events``: batches of events from the SDK."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from sqreen_mw.collector.api.access import TokenFor, app_of
from sqreen_mw.collector.api.body import bounded_body, json_encoding, plain
from sqreen_mw.collector.api.problems import HEADERS, ProblemError
from sqreen_mw.collector.api.schemas import json_of
from sqreen_mw.collector.permissions import Action
from sqreen_mw.collector.services import services_of
from sqreen_mw.collector.state.tokens import Token
from sqreen_mw.errors import MalformedBatchError, TooManyEventsError
from sqreen_mw.protocol.batch import (
    DecodedBatch,
    Envelope,
    IngestAnswer,
    decode_batch,
    encode_answer,
)
from sqreen_mw.protocol.limits import MAX_INFLATED_BYTES, MAX_WIRE_BYTES

router: Final = APIRouter()


@router.post(
    "/v1/events",
    summary="Store a batch of events",
    status_code=202,
    response_class=Response,
    responses={202: {"description": "Committed", "content": json_of(IngestAnswer)}},
    openapi_extra={
        "requestBody": {"required": True, "content": json_of(Envelope)},
        "security": [{"token": ["ingest"]}],
    },
)
async def ingest(
    request: Request, token: Annotated[Token, Depends(TokenFor(Action.SEND_EVENTS))]
) -> Response:
    """Store a batch and answer after the commit.

    Malformed events are listed in the answer and do not affect the others. A repeated event is
    counted as a duplicate, so a batch may be sent again.
    """
    encoding = json_encoding(request.headers)
    body = await bounded_body(request, limit=MAX_WIRE_BYTES)
    services = services_of(request)
    read = partial(
        read_batch,
        body,
        encoding=encoding,
        app_named=partial(app_of, token, Action.SEND_EVENTS, apps=services.state.apps),
    )
    answer = await services.pipeline.submit(read, token_id=token.id)
    return Response(encode_answer(answer), 202, headers=HEADERS, media_type="application/json")


def read_batch(
    body: bytes, *, encoding: str, app_named: Callable[[str | None], str]
) -> tuple[str, DecodedBatch]:
    """Return the app and the events of a request's body.

    Args:
        body: The body, compressed or not.
        encoding: ``gzip`` or ``identity``.
        app_named: Returns the app for the name in the batch.

    Raises:
        ProblemError: The batch is too large or malformed, or the app is another one.
    """
    data = plain(body, encoding=encoding, limit=MAX_INFLATED_BYTES)
    try:
        batch = decode_batch(data)
    except TooManyEventsError as error:
        raise ProblemError(413, f"{error}: send fewer") from error
    except MalformedBatchError as error:
        raise ProblemError(400, str(error)) from error
    return app_named(batch.envelope.app), batch
