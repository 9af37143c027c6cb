"""Every page's address. The collector adds these routes after those of its API."""

from typing import Final

from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sqreen_mw.collector.dashboard.explorer.live_tail import live_tail
from sqreen_mw.collector.dashboard.explorer.onboarding import create_token
from sqreen_mw.collector.dashboard.explorer.suggestions import suggestions
from sqreen_mw.collector.dashboard.explorer.views import event_page, explorer, home
from sqreen_mw.collector.dashboard.login.views import (
    login,
    login_form,
    login_link,
    login_once,
    logout,
)
from sqreen_mw.collector.dashboard.overview.views import overview
from sqreen_mw.collector.dashboard.web.assets import asset
from sqreen_mw.collector.dashboard.web.page import PageEndpoint
from sqreen_mw.collector.dashboard.web.page_context import Handler, PageContext
from sqreen_mw.collector.dashboard.web.time_zone import choose_time_zone
from sqreen_mw.collector.permissions import Action


class _OutsideApiConvertor(Convertor[str]):
    """Match any path outside ``/v1``: unknown API paths get the API's own 404."""

    regex = "(?!v1(?:/|$)).*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


async def _not_found(_: PageContext) -> Response:
    raise HTTPException(404)


def _get(path: str, handler: Handler, action: Action) -> Route:
    endpoint = PageEndpoint(handler, action=action)
    return Route(path, endpoint, methods=["GET"], include_in_schema=False)


def _post(path: str, handler: Handler, action: Action) -> Route:
    endpoint = PageEndpoint(handler, action=action)
    return Route(path, endpoint, methods=["POST"], include_in_schema=False)


register_url_convertor("outside_api", _OutsideApiConvertor())

ROUTES: Final[tuple[BaseRoute, ...]] = (
    _get("/", home, Action.VIEW_DASHBOARD),
    _get("/overview", overview, Action.READ_INSTANCES),
    _get("/events", explorer, Action.READ_EVENTS),
    _get("/events/live", live_tail, Action.READ_EVENTS),
    _get("/events/{app}/{event_id}", event_page, Action.READ_EVENTS),
    _get("/events/suggestions", suggestions, Action.READ_EVENTS),
    _post("/time-zone", choose_time_zone, Action.VIEW_DASHBOARD),
    _post("/first-steps/token", create_token, Action.CREATE_TOKENS),
    _get("/login", login_form, Action.LOG_IN),
    _post("/login", login, Action.LOG_IN),
    _get("/login/once", login_link, Action.LOG_IN),
    _post("/login/once", login_once, Action.LOG_IN),
    _post("/logout", logout, Action.LOG_OUT),
    Route("/static/{name}", asset, include_in_schema=False),
    Route("/favicon.svg", asset, include_in_schema=False),
    _get("/{path:outside_api}", _not_found, Action.VIEW_DASHBOARD),
)
"""The last route answers every path that no other route matches."""
