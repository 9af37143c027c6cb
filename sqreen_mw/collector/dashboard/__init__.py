"""The dashboard's routes, for the collector to add after those of its API."""

from typing import Final

from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sqreen_mw.collector.dashboard.assets import asset
from sqreen_mw.collector.dashboard.event_page import event_page
from sqreen_mw.collector.dashboard.explorer import explorer, home
from sqreen_mw.collector.dashboard.first_steps import make_token
from sqreen_mw.collector.dashboard.live import live
from sqreen_mw.collector.dashboard.overview import overview
from sqreen_mw.collector.dashboard.page import Page
from sqreen_mw.collector.dashboard.sign_in import login_page, sign_in, sign_in_once, sign_out
from sqreen_mw.collector.dashboard.visit import Handler, Visit

__all__ = ["routes"]


class _ElsewhereConvertor(Convertor[str]):
    """Any path that is not the API's: a wrong address there is answered as the API does."""

    regex = "(?!v1(?:/|$)).*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


async def _missing(_: Visit) -> Response:
    raise HTTPException(404)


def _get(path: str, handler: Handler, *, public: bool = False) -> Route:
    return Route(path, Page(handler, public=public), methods=["GET"], include_in_schema=False)


def _post(path: str, handler: Handler, *, public: bool = False) -> Route:
    return Route(path, Page(handler, public=public), methods=["POST"], include_in_schema=False)


register_url_convertor("elsewhere", _ElsewhereConvertor())

routes: Final[list[BaseRoute]] = [
    _get("/", home),
    _get("/overview", overview),
    _get("/events", explorer),
    _get("/events/live", live),
    _get("/events/{app}/{event_id}", event_page),
    _post("/first-steps/token", make_token),
    _get("/login", login_page, public=True),
    _post("/login", sign_in, public=True),
    _get("/login/once", sign_in_once, public=True),
    _post("/logout", sign_out),
    Route("/static/{name}", asset, include_in_schema=False),
    Route("/favicon.svg", asset, include_in_schema=False),
    _get("/{path:elsewhere}", _missing),
]
"""Every page; the last answers for the paths that nobody has."""
