"""Fern & Fig, a plant shop: ``uvicorn examples.fastapi_app.app:app``.

See ``add_middleware`` here, then each ``track()`` in ``identity``, ``cart`` and ``checkout``.
"""

# Imports start at the directory that contains ``examples``, which is the root of a clone. They
# also work in tests, under mypy, and in the copy inside the wheel.

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware
from starlette.status import HTTP_400_BAD_REQUEST

from examples.fastapi_app import cart, checkout, identity, storefront
from examples.fastapi_app.database import Database
from examples.fastapi_app.pages import page
from examples.fastapi_app.settings import Settings
from sqreen_mw import SqreenMiddleware


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.database.close()


async def _refused(request: Request, error: Exception) -> Response:
    """Show a view's HTTP error as a page, or redirect if the error has a location."""
    if not isinstance(error, HTTPException):
        text = "Something in this form is missing or too long."
        return page(request, "error.html", status_code=HTTP_400_BAD_REQUEST, text=text)
    if error.headers and "Location" in error.headers:
        return Response(status_code=error.status_code, headers=error.headers)
    return page(request, "error.html", status_code=error.status_code, text=error.detail)


def create_app(settings: Settings) -> FastAPI:
    """Create the shop."""
    app = FastAPI(title="Fern & Fig", lifespan=_lifespan, openapi_url=None)
    app.state.database = Database(settings.database)
    app.add_middleware(SessionMiddleware, secret_key=settings.secret, session_cookie="shop_session")
    # The only line that Sqreen needs. SQREEN_URL and SQREEN_TOKEN configure the collector.
    app.add_middleware(SqreenMiddleware)
    for module in (storefront, identity, cart, checkout):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")), name="static")
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _refused)
    return app


app = create_app(Settings.from_environment())
