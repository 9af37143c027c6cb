"""The JSON API."""

from typing import Final

from fastapi import FastAPI

from sqreen_mw.collector.api import (
    events,
    health,
    heartbeat,
    import_events,
    ingest,
    instances,
    problems,
    schemas,
)

__all__ = ["ROUTERS", "install"]

ROUTERS: Final = (
    ingest.router,
    import_events.router,
    events.router,
    heartbeat.router,
    instances.router,
    health.router,
)


def install(app: FastAPI) -> None:
    """Add the API's routes, error handlers and schemas to an application."""
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    schemas.install(app)
