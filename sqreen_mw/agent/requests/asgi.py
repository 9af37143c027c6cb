"""A request in an ASGI server."""

from collections.abc import Mapping, MutableMapping
from typing import Any, Final, NamedTuple, TypeAlias

from sqreen_mw.agent.context import Calls, RequestContext, Route
from sqreen_mw.agent.requests.mounts import mount_templates
from sqreen_mw.capture.body import RawBody
from sqreen_mw.capture.client_ip import UNKNOWN_PEER
from sqreen_mw.capture.request import PathParams, RawRequest
from sqreen_mw.capture.values import safe_text

Scope: TypeAlias = MutableMapping[str, Any]

_SEQUENCES: Final = (list, tuple)
_ANYTHING: Final = "/{path:path}"

_TYPE: Final = b"content-type"

TOLD_HEADERS: Final = frozenset({_TYPE, b"host", b"user-agent"})

_MOST_FIELDS: Final = 64
"""Header fields that are kept; of a proxies' header that comes more often, the nearest."""

_FIELD_BYTES: Final = 150
"""About the bytes of memory of a header field, besides those of its value."""

_UNKNOWN_BYTES: Final = 1000
"""Counted for a request whose values are not what the specification says."""


class ASGIRequestContext(RequestContext):
    """A request or a websocket; it holds the scope only while the request runs.

    Events of a websocket wait for nothing: it may stay open for days.
    """

    _routing: tuple[Any, ...] | None = None

    def __init__(self, calls: Calls, scope: Mapping[str, Any], told: frozenset[bytes]) -> None:
        """Take a request's values, as other middlewares rewrite them.

        Args:
            calls: What the request's calls go to.
            scope: As the ASGI specification has it.
            told: The lower-case names of the header fields that events tell of.
        """
        self.calls = calls  # all that the class above does: a call costs each request
        get = scope.get
        self._told: Final = told
        self._scope: Mapping[str, Any] | None = scope
        self._headers: Any = get("headers")
        self._path: Final[Any] = get("path")
        self._peer: Final = get("client") or _peerless(scope)
        self._query: Final[Any] = get("query_string")
        self._verb: Final = get("method", "GET")
        if scope["type"] != "http":
            self.holds_events = False

    def notice(self) -> None:
        """Keep the header fields that events tell of, and no others."""
        if self.noticed:
            return
        # An iterator is the app's alone.
        headers = self._headers if isinstance(self._headers, _SEQUENCES) else ()
        told = self._told
        try:
            fields = [field for field in headers if field[0] in told and type(field[1]) is bytes]
            kept = fields[-_MOST_FIELDS:]
            # The path's parameters are as long as the path, at most.
            held = 2 * len(self._path) + len(self._query)
            for _, value in kept:
                held += len(value) + _FIELD_BYTES
        except Exception:  # noqa: BLE001 what is in a scope may be anything
            kept = [field for field in headers if _is_pair(field) and field[0] in told]
            held = _UNKNOWN_BYTES
        self._headers = kept[-_MOST_FIELDS:]
        self.held_bytes = held
        self.noticed = True

    def raw_request(self) -> RawRequest:
        """Return the request's values; route and path parameters as far as they are known."""
        self.notice()
        present = self._routing or _routing_parts(self._scope or {}, self.found_route())
        # Where the request ends meanwhile, the present has nothing, and what was kept is whole.
        routing = _Routing(*(self._routing or present))
        path, query = _text(self._path), self._query
        route = routing.template()
        # Without a template, where it stands in the path means nothing.
        routed, mount = (path, "") if route is None else (routing.routed(), routing.mount())
        return RawRequest(
            verb=_text(self._verb),
            path=path,
            query=query if type(query) is bytes else _query_bytes(query),
            headers=self._headers,
            peer=self._address(),
            route=route,
            path_params=routing.path_params(),
            # A middleware below may have given the router another path.
            routed=routed if path.endswith(routed) else "",
            mount=mount,
            mounts=mount_templates(routing.router) if mount else (),
            id=self.id,
            status=self.status_code(),
        )

    def raw_body(self) -> RawBody | None:
        """Return what the app has read of the body."""
        if self.body is None:
            return None
        self.notice()
        types = [value for name, value in self._headers if name == _TYPE]
        content_type = types[0].decode("latin-1") if types else ""
        return RawBody(content_type, self.body.read(), self.body.truncated)

    def finish(self) -> None:
        """Let go of the scope; what tells the route is kept."""
        scope = self._scope
        if scope is not None:
            self._routing = _routing_parts(scope, self.found_route())
            self._scope = None
        super().finish()

    def _address(self) -> str | None:
        peer = self._peer
        if isinstance(peer, _SEQUENCES) and peer and isinstance(peer[0], str):
            return peer[0]
        return None


def _peerless(scope: Mapping[str, Any]) -> tuple[str] | None:
    """Return who is at the other end where the server names nobody: None on a Unix socket.

    A client that is gone already has no address left, either, and may not be taken for a proxy.
    """
    server = scope.get("server")
    listens_on_port = isinstance(server, _SEQUENCES) and len(server) > 1 and server[1] is not None
    return (UNKNOWN_PEER,) if listens_on_port else None


class _Routing(NamedTuple):
    """What frameworks leave in the scope of the route that they chose, as it is.

    Starlette and FastAPI leave the route itself, Litestar its template; what ``find_route`` found
    comes first.
    """

    route: object = None
    path: object = None
    path_template: object = None
    parameters: object = None
    root_path: object = None
    app_root_path: object = None
    fastapi: object = None
    router: object = None
    found: Route | None = None

    def template(self) -> str | None:
        """Return the route's template, such as ``/items/{id}``."""
        if self.found is not None:
            return self.found[0]
        if self.route is None and self.path_template is None:
            return None
        try:
            return self._template()
        except Exception:  # noqa: BLE001 a framework's own object may raise anything
            return None

    def path_params(self) -> PathParams:
        """Return the path's parameters."""
        if self.found is not None:
            return self.found[1]
        parameters = self.parameters
        return dict(parameters) if parameters and isinstance(parameters, Mapping) else {}

    def _template(self) -> str | None:
        route = self.route
        template = self.path_template if route is None else getattr(route, "path", None)
        if not isinstance(template, str):
            return None
        if getattr(route, "routes", None) is not None:
            return _ANYTHING  # an app is mounted here, and tells of no route below
        if self.fastapi is None:
            return template
        # FastAPI's included routers share one route object; where it was found is told apart.
        fastapi = self.fastapi if isinstance(self.fastapi, Mapping) else {}
        included = fastapi.get("effective_route_context")
        if getattr(included, "original_route", None) is route:
            template = str(getattr(included, "path", template))
        return template

    def routed(self) -> str:
        """Return the path without the root path that the server was given."""
        path, root = _text(self.path), self._root()
        if not root:
            return path
        rest = path[len(root) :]
        return rest if path.startswith(root) and rest[:1] in {"", "/"} else path

    def mount(self) -> str:
        """Return the path down to a mounted app, by which ``root_path`` has grown.

        The template is the mounted app's. Starlette's outermost router, which is left in the scope,
        knows which templates the mount may have.
        """
        if self.found is not None or self.app_root_path is None:
            return ""
        return _text(self.root_path)[len(self._root()) :]

    def _root(self) -> str:
        mounted = self.app_root_path is not None
        return _text(self.app_root_path if mounted else self.root_path)


def _text(value: object) -> str:
    """Return what should be a text; a call of ``safe_text`` is spared where it is one."""
    return value if type(value) is str else safe_text(value or "")


def _routing_parts(scope: Mapping[str, Any], found: Route | None) -> tuple[Any, ...]:
    """Return the values of a ``_Routing``, which is made later: this is on each request's way."""
    get = scope.get
    return (
        get("route"),
        get("path"),
        get("path_template"),
        get("path_params"),
        get("root_path"),
        get("app_root_path"),
        get("fastapi"),
        get("router"),
        found,
    )


def _query_bytes(query: object) -> bytes:
    """Return the query; Django's client for tests gives it as text."""
    return safe_text(query or "").encode("utf-8", "replace")


def _is_pair(field: object) -> bool:
    """Tell whether a header field is what the specification says: two byte strings."""
    pair = isinstance(field, _SEQUENCES) and len(field) == len(("name", "value"))
    return pair and isinstance(field[0], bytes) and isinstance(field[1], bytes)  # type: ignore[index]  # a pair
