"""The context of an ASGI request."""

from collections.abc import Iterator, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from sqreen_mw.agent.calls import AnyAgent
from sqreen_mw.agent.context import RequestContext, Route
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.capture.client_ip import UNKNOWN_PEER
from sqreen_mw.capture.json_copy import safe_text
from sqreen_mw.capture.request import PathParams, RawRequest
from sqreen_mw.capture.request_body import RawBody

_DEEPEST: Final = 8
"""Limit of nested mounts: an application may be mounted in itself."""


def mount_templates(router: object) -> list[str]:
    """Return the templates of a router's mounts, such as ``/shops/{shop}``, in the router's order.

    A mounted application may hide its own mounts; then they are missing.
    """
    found: list[str] = []
    with suppress_app_errors:
        found.extend(_templates(router, "", _DEEPEST))
    return found


def _templates(router: object, prefix: str, depth: int) -> Iterator[str]:
    for route in getattr(router, "routes", ()) if depth else ():
        if hasattr(route, "routes"):
            # Host routes have no path.
            template = f"{prefix}{getattr(route, 'path', '')}"
            yield template
            yield from _templates(route, template, depth - 1)


Scope: TypeAlias = MutableMapping[str, Any]

_SEQUENCES: Final = (list, tuple)
_ANYTHING: Final = "/{path:path}"

_TYPE: Final = b"content-type"

REPORTED_HEADERS: Final = frozenset({_TYPE, b"host", b"user-agent"})

_MAX_FIELDS: Final = 64
"""Limit of kept header fields; the last ones are those of the nearest proxies."""

_FIELD_BYTES: Final = 150
"""Approximate memory of a header field without its value."""

_FINISHED: Final[Mapping[str, Any]] = MappingProxyType({})
"""The scope of a finished request."""

_UNKNOWN_BYTES: Final = 1000
"""Counted for a request that does not follow the specification."""


class ASGIRequestContext(RequestContext):
    """A request or a websocket. It keeps the scope only while the request runs.

    Events of a websocket are sealed at once, because it may stay open for days.

    Attributes:
        headers: The header fields, as in the scope; after ``snapshot``, only the reported ones.
        path: The decoded path.
        peer: Host and port of the client, or None.
        query: The query string, not decoded.
        scope: The ASGI scope; empty after the request.
        reported: The lower-case names of the header fields that events contain.
        verb: The method.
    """

    _routing: tuple[Any, ...] | None = None

    headers: Any
    path: Any
    peer: Any
    query: Any
    scope: Mapping[str, Any]
    reported: frozenset[bytes]
    verb: Any

    def snapshot(self) -> None:
        """Keep only the header fields that events contain."""
        if self.has_snapshot:
            return
        # Only the app may consume an iterator.
        headers = self.headers if isinstance(self.headers, _SEQUENCES) else ()
        reported = self.reported
        held = 0
        with suppress_app_errors:  # values of a scope may be of any type
            fields = [
                field for field in headers if field[0] in reported and type(field[1]) is bytes
            ]
            kept = fields[-_MAX_FIELDS:]
            # The path's parameters are at most as long as the path.
            held = 2 * len(self.path) + len(self.query)
            for _, value in kept:
                held += len(value) + _FIELD_BYTES
            self.headers = kept
            self.held_bytes = held
            self.has_snapshot = True
            return
        kept = [field for field in headers if _is_pair(field) and field[0] in reported]
        self.headers = kept[-_MAX_FIELDS:]
        self.held_bytes = _UNKNOWN_BYTES
        self.has_snapshot = True

    def raw_request(self) -> RawRequest:
        """Return the request's values; the route may be unknown while the request runs."""
        self.snapshot()
        scope = self.scope
        is_over = self._routing is not None or scope is _FINISHED
        present = () if is_over else _routing_parts(scope, self.resolved_route())
        # If the request ends now, ``present`` is empty but ``self._routing`` is complete.
        routing = _Routing(*(self._routing or present))
        path, query = _text(self.path), self.query
        route = routing.template()
        # Without a template, its position in the path is not needed.
        routed, mount = (path, "") if route is None else (routing.routed(), routing.mount())
        return RawRequest(
            verb=_text(self.verb),
            path=path,
            query=query if type(query) is bytes else _query_bytes(query),
            headers=self.headers,
            peer=self._address(),
            route=route,
            path_params=routing.path_params(),
            # An inner middleware may have changed the router's path.
            routed=routed if path.endswith(routed) else "",
            mount=mount,
            mounts=mount_templates(routing.router) if mount else (),
            id=self.id,
            status=self.status_code(),
        )

    def raw_body(self) -> RawBody | None:
        """Return the part of the body that the app has read."""
        if self.body is None:
            return None
        self.snapshot()
        types = [value for name, value in self.headers if name == _TYPE]
        content_type = types[0].decode("latin-1") if types else ""
        return RawBody(content_type, self.body.read(), self.body.truncated)

    def finish(self) -> None:
        """Release the scope; keep the values that describe the route."""
        scope = self.scope
        if "path_params" in scope or "route" in scope or "path_template" in scope:
            self._routing = _routing_parts(scope, self.resolved_route())
        if self.needs_cleanup:
            self._routing = self._routing or _routing_parts(scope, self.resolved_route())
            self.release()
        self.scope = _FINISHED
        self.defers_events = False

    def _address(self) -> str | None:
        peer = self.peer
        if isinstance(peer, _SEQUENCES) and peer and isinstance(peer[0], str):
            return peer[0]
        return None


def asgi_request(
    scope: Mapping[str, Any], agent: AnyAgent, reported: frozenset[bytes]
) -> ASGIRequestContext:
    """Return the context of a request. It copies values that other middlewares may change.

    Args:
        scope: The ASGI scope.
        agent: Handles the calls of the request.
        reported: The lower-case names of the header fields that events contain.
    """
    context = ASGIRequestContext()
    context.agent = agent
    context.needs_cleanup = False
    context.scope = scope
    context.reported = reported
    try:
        context.path = scope["path"]
        context.headers = scope["headers"]
        context.peer = scope["client"]
        context.query = scope["query_string"]
        context.verb = scope["method"]
    except KeyError:
        _copy_values(context, scope)
    if not context.peer:
        context.peer = _missing_peer(scope)
    if scope["type"] != "http":
        context.defers_events = False
    return context


def _copy_values(context: ASGIRequestContext, scope: Mapping[str, Any]) -> None:
    """Copy values of a scope that lacks some of them; a websocket has no method."""
    get = scope.get
    context.path = get("path")
    context.headers = get("headers")
    context.peer = get("client")
    context.query = get("query_string")
    context.verb = get("method", "GET")


def _missing_peer(scope: Mapping[str, Any]) -> tuple[str] | None:
    """Return the peer if the server does not name one: None means a Unix socket.

    A client that has disconnected has no address either, and must not count as a trusted proxy.
    """
    server = scope.get("server")
    listens_on_port = isinstance(server, _SEQUENCES) and len(server) > 1 and server[1] is not None
    return (UNKNOWN_PEER,) if listens_on_port else None


class _Routing(NamedTuple):
    """Values that frameworks write into the scope for the route, unchanged.

    Starlette and FastAPI write the route, Litestar its template. ``found`` is the result of
    ``route_resolver``, which has priority.
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
        with suppress_app_errors:
            return self._template()
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
            return _ANYTHING  # a mounted app, which does not report its own routes
        if self.fastapi is None:
            return template
        # Included routers of FastAPI share one route object; another value contains the path.
        fastapi = self.fastapi if isinstance(self.fastapi, Mapping) else {}
        included = fastapi.get("effective_route_context")
        if getattr(included, "original_route", None) is route:
            template = str(getattr(included, "path", template))
        return template

    def routed(self) -> str:
        """Return the path without the server's root path."""
        path, root = _text(self.path), self._root()
        if not root:
            return path
        rest = path[len(root) :]
        return rest if path.startswith(root) and rest[:1] in {"", "/"} else path

    def mount(self) -> str:
        """Return the path of the mount, which the mounted app appended to ``root_path``.

        The template is that of the mounted app. Starlette's outermost router is still in the
        scope; it contains the templates of its mounts.
        """
        if self.found is not None or self.app_root_path is None:
            return ""
        return _text(self.root_path)[len(self._root()) :]

    def _root(self) -> str:
        mounted = self.app_root_path is not None
        return _text(self.app_root_path if mounted else self.root_path)


def _text(value: object) -> str:
    """Return a value as text; a call of ``safe_text`` is avoided if possible."""
    return value if type(value) is str else safe_text(value or "")


def _routing_parts(scope: Mapping[str, Any], found: Route | None) -> tuple[Any, ...]:
    """Return the values of a ``_Routing``; creating that costs more, and few requests need it."""
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
    """Return the query; in Django's test client it is text."""
    return safe_text(query or "").encode("utf-8", "replace")


def _is_pair(field: object) -> bool:
    """Return whether a header field is a pair of byte strings."""
    pair = isinstance(field, _SEQUENCES) and len(field) == len(("name", "value"))
    return pair and isinstance(field[0], bytes) and isinstance(field[1], bytes)  # type: ignore[index]  # a pair
