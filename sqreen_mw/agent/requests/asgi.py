"""A request in an ASGI server."""

from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TypeAlias

from sqreen_mw.agent.context import Calls, RequestContext
from sqreen_mw.capture.body import RawBody
from sqreen_mw.capture.client_ip import Headers
from sqreen_mw.capture.request import PathParams, RawRequest
from sqreen_mw.capture.values import safe_text

Scope: TypeAlias = MutableMapping[str, Any]

TOLD_HEADERS: Final = frozenset({b"content-type", b"host", b"user-agent"})


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
        "_told",
        "_verb",
    )

    def __init__(self, calls: Calls, scope: Mapping[str, Any], told: frozenset[bytes]) -> None:
        """Take a request's values.

        Args:
            calls: What the request's calls go to.
            scope: As the ASGI specification has it.
            told: The lower-case names of the header fields that events tell of.
        """
        super().__init__(calls)
        self._told: Final = told
        self.holds_events = scope["type"] == "http"
        self._scope: Mapping[str, Any] | None = scope
        self._headers = scope.get("headers")
        self._path: Final = scope.get("path")
        self._peer: Final = scope.get("client")
        self._query: Final = scope.get("query_string")
        self._verb: Final = scope.get("method", "GET")
        self._route: str | None = None
        self._path_params: PathParams = {}

    def raw_request(self) -> RawRequest:
        """Return the request's values; route and path parameters as far as they are known."""
        self._look_up_route()
        return RawRequest(
            verb=safe_text(self._verb or ""),
            path=safe_text(self._path or ""),
            query=self._query_bytes(),
            headers=self._told_headers(),
            peer=self._address(),
            route=self._route,
            path_params=self._path_params,
            id=self.id,
            status=self.status,
        )

    def raw_body(self) -> RawBody | None:
        """Return what the app has read of the body."""
        if self.body is None:
            return None
        types = [value for name, value in self._told_headers() if name == b"content-type"]
        content_type = types[0].decode("latin-1") if types else ""
        return RawBody(content_type, self.body.read(), self.body.truncated)

    def finish(self) -> None:
        """Keep what events tell of, and let go of the scope."""
        self._look_up_route()
        self._scope = None
        if self.noticed:
            self._headers = [field for field in self._told_headers() if field[0] in self._told]
        super().finish()

    def _told_headers(self) -> Headers:
        """Return the header fields; an iterator's are the app's alone, as it can be used once."""
        if not isinstance(self._headers, list | tuple):
            return ()
        return [field for field in self._headers if _is_pair(field)]

    def held_bytes(self) -> int:
        """Return about how many bytes an event of this request keeps alive."""
        lengths = (len(name) + len(value) for name, value in self._told_headers())
        return sum(lengths) + len(self._query_bytes()) + len(safe_text(self._path or ""))

    def _query_bytes(self) -> bytes:
        """Return the query; Django's client for tests gives it as text."""
        query = self._query
        return (
            query if isinstance(query, bytes) else safe_text(query or "").encode("utf-8", "replace")
        )

    def _address(self) -> str | None:
        peer = self._peer
        if isinstance(peer, list | tuple) and peer and isinstance(peer[0], str):
            return peer[0]
        return None

    def _look_up_route(self) -> None:
        scope = self._scope
        if scope is None:
            return
        if self.find_route is not None:
            self._route, self._path_params = self.found_route() or (None, {})
            return
        try:
            self._route = _route(scope)
        except Exception:  # noqa: BLE001 a framework's own object may raise anything
            self._route = None
        parameters = scope.get("path_params")
        self._path_params = dict(parameters) if isinstance(parameters, Mapping) else {}


def _is_pair(field: object) -> bool:
    """Tell whether a header field is what the specification says: two byte strings."""
    pair = isinstance(field, list | tuple) and len(field) == len(("name", "value"))
    return pair and isinstance(field[0], bytes) and isinstance(field[1], bytes)  # type: ignore[index]  # a pair


def _route(scope: Mapping[str, Any]) -> str | None:
    """Return the template of the route that the app chose, such as ``/items/{id}``.

    Starlette leaves its route in the scope, Litestar the template itself.
    """
    route = scope.get("route")
    template = scope.get("path_template") if route is None else getattr(route, "path", None)
    if not isinstance(template, str):
        return None
    # FastAPI's included routers share one route object; where it was found is told apart.
    included = scope.get("fastapi", {}).get("effective_route_context")
    if getattr(included, "original_route", None) is route:
        template = getattr(included, "path_format", template)
    # Below a mount the template is the mounted app's; root_path has grown by where it is mounted.
    mount = str(scope.get("root_path", ""))[len(str(scope.get("app_root_path", ""))) :]
    return f"{mount}{template}" if "app_root_path" in scope else template
