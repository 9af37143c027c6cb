"""``GET /healthz``: the health check."""

from typing import Final

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sqreen_mw.collector.api.problems import HEADERS
from sqreen_mw.collector.services import services_of

router: Final = APIRouter()


@router.get("/healthz", summary="Check that events can be stored", response_class=Response)
async def health(request: Request) -> Response:
    """Return 200 if both stores answer and events can be written, else 503."""
    services = services_of(request)
    await run_in_threadpool(services.events.check_writable)
    await run_in_threadpool(services.state.apps.count)
    return Response(b'{"status":"ok"}', headers=HEADERS, media_type="application/json")
