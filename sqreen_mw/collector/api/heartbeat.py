"""``POST /v1/heartbeat``: heartbeats from app instances."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sqreen_mw.collector.api.access import TokenFor, app_of
from sqreen_mw.collector.api.body import bounded_body, json_encoding, plain
from sqreen_mw.collector.api.problems import HEADERS, ProblemError
from sqreen_mw.collector.api.schemas import json_of
from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.permissions import Action
from sqreen_mw.collector.services import services_of
from sqreen_mw.collector.state import State
from sqreen_mw.collector.state.tokens import Token
from sqreen_mw.errors import MalformedBatchError, RefusedError
from sqreen_mw.protocol.heartbeat import (
    Heartbeat,
    HeartbeatAnswer,
    decode_heartbeat,
    encode_heartbeat,
)
from sqreen_mw.protocol.limits import MAX_HEARTBEAT_BYTES

router: Final = APIRouter()


@router.post(
    "/v1/heartbeat",
    summary="Record a heartbeat",
    response_class=Response,
    responses={200: {"description": "Recorded", "content": json_of(HeartbeatAnswer)}},
    openapi_extra={
        "requestBody": {"required": True, "content": json_of(Heartbeat)},
        "security": [{"token": ["ingest"]}],
    },
)
async def heartbeat(
    request: Request, token: Annotated[Token, Depends(TokenFor(Action.SEND_HEARTBEATS))]
) -> Response:
    """Record a heartbeat. Return the collector's time and the heartbeat interval."""
    received_at = system_clock()
    encoding = json_encoding(request.headers)
    body = await bounded_body(request, limit=MAX_HEARTBEAT_BYTES)
    received = _read(plain(body, encoding=encoding, limit=MAX_HEARTBEAT_BYTES))
    services = services_of(request)
    async with services.heartbeats.slot(token.id):
        await run_in_threadpool(_record, services.state, token, received, received_at=received_at)
    answer = encode_heartbeat(HeartbeatAnswer(server_time=system_clock()))
    return Response(answer, headers=HEADERS, media_type="application/json")


def _record(state: State, token: Token, received: Heartbeat, *, received_at: int) -> None:
    app = app_of(token, Action.SEND_HEARTBEATS, received.app, apps=state.apps)
    try:
        state.instances.record(app, received, received_at=received_at, token_id=token.id)
    except RefusedError as error:
        raise ProblemError(429, str(error)) from error


def _read(data: bytes) -> Heartbeat:
    try:
        return decode_heartbeat(data)
    except MalformedBatchError as error:
        raise ProblemError(400, str(error)) from error
