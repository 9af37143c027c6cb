"""The collector as one ASGI application: the one place that wires its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from sqreen_mw.collector import api, dashboard
from sqreen_mw.collector.services import Services, open_services
from sqreen_mw.collector.settings import Settings


def create_app(settings: Settings, *, services: Services | None = None) -> FastAPI:
    """Return the application; it opens the stores when it starts and closes them when it ends.

    Args:
        settings: Where the stores are.
        services: Stores that are open already; they are closed at the end as well.
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
    api.install(app)
    app.router.routes.extend(dashboard.routes)
    return app
