"""A request in an ASGI server."""

from collections.abc import Iterator, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from sqreen_mw.agent.calls import AnyAgent
from sqreen_mw.agent.context import RequestContext, Route
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.capture.body import RawBody
from sqreen_mw.capture.client_ip import UNKNOWN_PEER
from sqreen_mw.capture.json_copy import safe_text
from sqreen_mw.capture.request import PathParams, RawRequest

_DEEPEST: Final = 8
"""Mounts within each other that are looked at: an application may be mounted in itself."""


def mount_templates(router: object) -> list[str]:
    """Return the templates of a router's mounts, such as ``/shops/{shop}``, in its own order.

    What is mounted may hide its routes, and so those that are mounted in it.
    """
    found: list[str] = []
    with suppress_app_errors:
        found.extend(_templates(router, "", _DEEPEST))
    return found


def _templates(router: object, prefix: str, depth: int) -> Iterator[str]:
    for route in getattr(router, "routes", ()) if depth else ():
        if hasattr(route, "routes"):
            # A host has no path.
            template = f"{prefix}{getattr(route, 'path', '')}"
            yield template
            yield from _templates(route, template, depth - 1)


Scope: TypeAlias = MutableMapping[str, Any]

_SEQUENCES: Final = (list, tuple)
_ANYTHING: Final = "/{path:path}"

_TYPE: Final = b"content-type"

TOLD_HEADERS: Final = frozenset({_TYPE, b"host", b"user-agent"})

_MOST_FIELDS: Final = 64
"""Header fields that are kept; of a proxies' header that comes more often, the nearest."""

_FIELD_BYTES: Final = 150
"""About the bytes of memory of a header field, besides those of its value."""

_GONE: Final[Mapping[str, Any]] = MappingProxyType({})
"""The scope of a request that is over."""

_UNKNOWN_BYTES: Final = 1000
"""Counted for a request whose values are not what the specification says."""


class ASGIRequestContext(RequestContext):
    """A request or a websocket; it holds the scope only while the request runs.

    Events of a websocket wait for nothing: it may stay open for days.

    Attributes:
        headers: The header fields, as the ASGI specification has them; those of ``told`` are kept.
        path: The path, decoded.
        peer: Host and port of who is at the other end, or None.
        query: The query string, not decoded.
        scope: As the ASGI specification has it; empty when the request is over.
        told: The lower-case names of the header fields that events tell of.
        verb: The method.
    """

    _routing: tuple[Any, ...] | None = None

    headers: Any
    path: Any
    peer: Any
    query: Any
    scope: Mapping[str, Any]
    told: frozenset[bytes]
    verb: Any

    def notice(self) -> None:
        """Keep the header fields that events tell of, and no others."""
        if self.noticed:
            return
        # An iterator is the app's alone.
        headers = self.headers if isinstance(self.headers, _SEQUENCES) else ()
        told = self.told
        held = 0
        with suppress_app_errors:  # values of a scope may be of any type
            fields = [field for field in headers if field[0] in told and type(field[1]) is bytes]
            kept = fields[-_MOST_FIELDS:]
            # The path's parameters are at most as long as the path.
            held = 2 * len(self.path) + len(self.query)
            for _, value in kept:
                held += len(value) + _FIELD_BYTES
            self.headers = kept
            self.held_bytes = held
            self.noticed = True
            return
        kept = [field for field in headers if _is_pair(field) and field[0] in told]
        self.headers = kept[-_MOST_FIELDS:]
        self.held_bytes = _UNKNOWN_BYTES
        self.noticed = True

    def raw_request(self) -> RawRequest:
        """Return the request's values; route and path parameters as far as they are known."""
        self.notice()
        scope = self.scope
        is_over = self._routing is not None or scope is _GONE
        present = () if is_over else _routing_parts(scope, self.found_route())
        # Where the request ends meanwhile, the present has nothing, and what was kept is whole.
        routing = _Routing(*(self._routing or present))
        path, query = _text(self.path), self.query
        route = routing.template()
        # Without a template, where it stands in the path means nothing.
        routed, mount = (path, "") if route is None else (routing.routed(), routing.mount())
        return RawRequest(
            verb=_text(self.verb),
            path=path,
            query=query if type(query) is bytes else _query_bytes(query),
            headers=self.headers,
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
        types = [value for name, value in self.headers if name == _TYPE]
        content_type = types[0].decode("latin-1") if types else ""
        return RawBody(content_type, self.body.read(), self.body.truncated)

    def finish(self) -> None:
        """Let go of the scope; what tells the route is kept, where a router has left any."""
        scope = self.scope
        if "path_params" in scope or "route" in scope or "path_template" in scope:
            self._routing = _routing_parts(scope, self.found_route())
        if self.holds_more:
            self._routing = self._routing or _routing_parts(scope, self.found_route())
            self.let_go()
        self.scope = _GONE
        self.holds_events = False

    def _address(self) -> str | None:
        peer = self.peer
        if isinstance(peer, _SEQUENCES) and peer and isinstance(peer[0], str):
            return peer[0]
        return None


def asgi_request(
    scope: Mapping[str, Any], agent: AnyAgent, told: frozenset[bytes]
) -> ASGIRequestContext:
    """Return the context of a request, of what its scope has now: other middlewares rewrite it.

    Args:
        scope: As the ASGI specification has it.
        agent: Takes the calls of the request.
        told: The lower-case names of the header fields that events tell of.
    """
    context = ASGIRequestContext()
    context.agent = agent
    context.holds_more = False
    context.scope = scope
    context.told = told
    try:
        context.path = scope["path"]
        context.headers = scope["headers"]
        context.peer = scope["client"]
        context.query = scope["query_string"]
        context.verb = scope["method"]
    except KeyError:
        _take(context, scope)
    if not context.peer:
        context.peer = _peerless(scope)
    if scope["type"] != "http":
        context.holds_events = False
    return context


def _take(context: ASGIRequestContext, scope: Mapping[str, Any]) -> None:
    """Take the values of a scope that lacks some; a websocket's has no method."""
    get = scope.get
    context.path = get("path")
    context.headers = get("headers")
    context.peer = get("client")
    context.query = get("query_string")
    context.verb = get("method", "GET")


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
