"""A request in an ASGI server."""

from collections.abc import MutableMapping
from typing import Any, Final, TypeAlias

from sqreen_mw.agent.context import Calls, RequestContext
from sqreen_mw.capture.body import RawBody
from sqreen_mw.capture.request import PathParams, RawRequest

Scope: TypeAlias = MutableMapping[str, Any]


class ASGIRequestContext(RequestContext):
    """A request or a websocket; it holds the scope only while the request runs.

    Events of a websocket wait for nothing: it may stay open for days.
    """

    __slots__ = (
        "_headers",
        "_path",
        "_path_params",
        "_peer",
        "_query",
        "_route",
        "_scope",
        "_verb",
    )

    def __init__(self, calls: Calls, scope: Scope) -> None:
        super().__init__(calls)
        self.holds_events = scope["type"] == "http"
        self._scope: Scope | None = scope
        self._headers: Final = scope["headers"]
        self._path: Final[str] = scope["path"]
        self._peer: Final = scope.get("client")
        self._query: Final[bytes] = scope.get("query_string", b"")
        self._verb: Final[str] = scope.get("method", "GET")
        self._route: str | None = None
        self._path_params: PathParams = {}

    def raw_request(self) -> RawRequest:
        """Return the request's values; route and path parameters as far as they are known."""
        self._look_up_route()
        return RawRequest(
            verb=self._verb,
            path=self._path,
            query=self._query,
            headers=self._headers,
            peer=self._peer[0] if self._peer else None,
            route=self._route,
            path_params=self._path_params,
            id=self.id,
            status=self.status,
        )

    def raw_body(self) -> RawBody | None:
        """Return what the app has read of the body."""
        if self.body is None:
            return None
        types = [value for name, value in self._headers if name == b"content-type"]
        content_type = types[0].decode("latin-1") if types else ""
        return RawBody(content_type, self.body.read(), self.body.truncated)

    def finish(self) -> None:
        """Keep the route and the path parameters, and let go of the scope."""
        self._look_up_route()
        self._scope = None
        super().finish()

    def _look_up_route(self) -> None:
        scope = self._scope
        if scope is not None:
            self._route = _route(scope)
            self._path_params = scope.get("path_params") or {}


def _route(scope: Scope) -> str | None:
    """Return the template of the route that the app chose, such as ``/items/{id}``."""
    route = scope.get("route")
    template = getattr(route, "path", None)
    if not isinstance(template, str):
        return None
    # FastAPI's included routers share one route object; where it was found is told apart.
    included = scope.get("fastapi", {}).get("effective_route_context")
    if getattr(included, "original_route", None) is route:
        template = getattr(included, "path_format", template)
    # Below a mount the template is the mounted app's; root_path has grown by where it is mounted.
    mount = str(scope.get("root_path", ""))[len(str(scope.get("app_root_path", ""))) :]
    return f"{mount}{template}" if "app_root_path" in scope else template
