"""``GET /v1/instances``: app instances and dropped events."""

from functools import partial
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sqreen_mw.collector.api.access import ReadableApp, app_to_read
from sqreen_mw.collector.api.parameters import DAY
from sqreen_mw.collector.api.problems import HEADERS
from sqreen_mw.collector.api.schemas import InstancesAnswer, json_of
from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.permissions import Action
from sqreen_mw.collector.services import services_of
from sqreen_mw.protocol.limits import MAX_NAME_LENGTH

router: Final = APIRouter()


@router.get(
    "/v1/instances",
    summary="List app instances and dropped events",
    response_class=Response,
    responses={200: {"description": "The last 24 hours", "content": json_of(InstancesAnswer)}},
    openapi_extra={"security": [{"token": ["query"]}, {"session": []}]},
)
async def instances(
    request: Request,
    only_app: Annotated[str | None, Depends(ReadableApp(Action.READ_INSTANCES))],
    app: Annotated[str | None, Query(max_length=MAX_NAME_LENGTH)] = None,
) -> Response:
    """Return the instances of the last 24 hours and the events they dropped, by reason."""
    now, repository = system_clock(), services_of(request).state.instances
    since, chosen = now - DAY, app_to_read(only_app, app)
    answer = InstancesAnswer(
        since=since,
        server_time=now,
        instances=await run_in_threadpool(partial(repository.all, since=since, app=chosen)),
        drops=await run_in_threadpool(partial(repository.drops, since=since, app=chosen)),
    )
    return Response(msgspec.json.encode(answer), headers=HEADERS, media_type="application/json")
