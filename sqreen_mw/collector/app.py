"""Build the collector's ASGI application."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import chain

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sqreen_mw.collector import api
from sqreen_mw.collector.api.problems import problem_of
from sqreen_mw.collector.dashboard.routes import ROUTES
from sqreen_mw.collector.dashboard.web.page import failed_page
from sqreen_mw.collector.head_requests import HeadAsGet
from sqreen_mw.collector.services import Services, open_services
from sqreen_mw.collector.settings import Settings
from sqreen_mw.collector.transport_headers import TransportHeaders


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
    app.add_middleware(TransportHeaders, settings=settings)
    api.install(app)
    app.add_exception_handler(Exception, _failed)
    app.add_exception_handler(405, _not_allowed)
    app.router.routes.extend(ROUTES)
    return app


async def _failed(request: Request, error: Exception) -> Response:
    """Answer after an unexpected error, which the server logs."""
    return failed_page(request) or problem_of(request, error).response()


async def _not_allowed(request: Request, error: Exception) -> Response:
    """Answer with all methods of the path. The route that refuses knows only its own."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    matching = (route for route in _routes() if route.path_regex.match(path))
    methods = {method for route in matching for method in route.methods or ()}
    response = problem_of(request, error).response()
    response.headers["allow"] = ", ".join(sorted(methods))
    return response


def _routes() -> Iterator[Route]:
    for route in chain(*(router.routes for router in api.ROUTERS), ROUTES):
        if isinstance(route, Route):
            yield route
