"""The JSON API."""

from fastapi import FastAPI

from sqreen_mw.collector.api import events, health, heartbeat, ingest, instances, problems, schemas

__all__ = ["install"]


def install(app: FastAPI) -> None:
    """Add the API's routes, faults and descriptions to an application."""
    problems.install(app)
    for module in (ingest, events, heartbeat, instances, health):
        app.include_router(module.router)
    schemas.install(app)
