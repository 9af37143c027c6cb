"""``POST /v1/heartbeat``: what the apps' processes say of themselves."""

from functools import partial
from typing import Final

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sqreen_mw.collector.api.access import check_app, token_with
from sqreen_mw.collector.api.body import bounded_body, json_encoding, plain
from sqreen_mw.collector.api.problems import HEADERS, Problem
from sqreen_mw.collector.api.schemas import json_of
from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.services import services_of
from sqreen_mw.errors import MalformedBatchError, RefusedError
from sqreen_mw.protocol.heartbeat import (
    Heartbeat,
    HeartbeatAnswer,
    decode_heartbeat,
    encode_heartbeat,
)
from sqreen_mw.protocol.limits import MAX_HEARTBEAT_BYTES

router: Final = APIRouter()

# There is one writer of the state anyway: those that wait for it must not take all the threads.
_one_by_one: Final = anyio.CapacityLimiter(1)


@router.post(
    "/v1/heartbeat",
    summary="Note how a process is",
    response_class=Response,
    responses={200: {"description": "Noted", "content": json_of(HeartbeatAnswer)}},
    openapi_extra={
        "requestBody": {"required": True, "content": json_of(Heartbeat)},
        "security": [{"token": ["ingest"]}],
    },
)
async def heartbeat(request: Request) -> Response:
    """Answer with the collector's time, and when the next heartbeat is expected."""
    received_at = system_clock()
    token = await token_with(request, "ingest")
    encoding = json_encoding(request.headers)
    body = await bounded_body(request, limit=MAX_HEARTBEAT_BYTES)
    beat = _read(plain(body, encoding=encoding, limit=MAX_HEARTBEAT_BYTES))
    check_app(token, beat.app, what="heartbeat")
    record = services_of(request).state.instances.record
    try:
        await run_sync(
            partial(record, token.app, beat, received_at=received_at), limiter=_one_by_one
        )
    except RefusedError as error:
        raise Problem(429, str(error)) from error
    answer = encode_heartbeat(HeartbeatAnswer(server_time=system_clock()))
    return Response(answer, headers=HEADERS, media_type="application/json")


def _read(data: bytes) -> Heartbeat:
    try:
        return decode_heartbeat(data)
    except MalformedBatchError as error:
        raise Problem(400, str(error)) from error
