"""Build the collector's ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from sqreen_mw.collector import api
from sqreen_mw.collector.dashboard.routes import ROUTES
from sqreen_mw.collector.head_requests import HeadAsGet
from sqreen_mw.collector.services import Services, open_services
from sqreen_mw.collector.settings import Settings


def create_app(settings: Settings, *, services: Services | None = None) -> FastAPI:
    """Return the application. It opens the services at startup and closes them at shutdown.

    Args:
        settings: The collector's settings.
        services: Services that are already open. They are closed at shutdown as well.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = await run_in_threadpool(open_services, settings) if services is None else services
        app.state.services = opened
        try:
            yield
        finally:
            await run_in_threadpool(opened.close)

    app = FastAPI(
        title="sqreen_mw collector",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(HeadAsGet)
    api.install(app)
    app.router.routes.extend(ROUTES)
    return app
