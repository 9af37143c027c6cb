"""``GET /healthz`` and ``GET /readyz``: does the collector run, and can it store events?"""

from typing import Final

import msgspec
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sqreen_mw.collector.api.problems import HEADERS, ProblemError
from sqreen_mw.collector.api.schemas import Readiness, json_of
from sqreen_mw.collector.services import services_of

router: Final = APIRouter()


@router.get("/healthz", summary="Check that the collector runs", response_class=Response)
async def health() -> Response:
    """Return 200 without access to the disk. If this fails, restart the collector."""
    return Response(b'{"status":"ok"}', headers=HEADERS, media_type="application/json")


@router.get(
    "/readyz",
    summary="Check that events can be stored",
    response_class=Response,
    responses={200: {"description": "Ready", "content": json_of(Readiness)}},
)
async def readiness(request: Request) -> Response:
    """Return 200 if each store is writable, in place, undamaged and has free space, else 503."""
    reports = await run_in_threadpool(services_of(request).health.reports)
    failing = [report.name for report in reports if not report.is_ready]
    if failing:
        raise ProblemError(503, f"not ready: {', '.join(failing)}", stores=reports)
    answer = msgspec.json.encode(Readiness(status="ready", stores=reports))
    return Response(answer, headers=HEADERS, media_type="application/json")
