"""The context of an ASGI request."""

from collections.abc import Iterable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from sqreen_mw.agent.calls import AnyAgent
from sqreen_mw.agent.context import RequestContext, Route
from sqreen_mw.agent.requests.asgi_route import ASGIRouting, as_text, mount_templates, routing_parts
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.capture.client_ip import FORWARDING, UNKNOWN_PEER
from sqreen_mw.capture.json_copy import safe_text
from sqreen_mw.capture.multipart_body import STARLETTE, Dialect
from sqreen_mw.capture.request import RawRequest
from sqreen_mw.capture.request_body import RawBody

Scope: TypeAlias = MutableMapping[str, Any]

_SEQUENCES: Final = (list, tuple)

_TYPE: Final = b"content-type"

REPORTED_HEADERS: Final = frozenset({_TYPE, b"host", b"user-agent", *map(str.encode, FORWARDING)})

_MAX_LINES: Final = 64
"""Limit of kept lines of each header, more than the addresses that are read."""

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

    dialect: Dialect = STARLETTE
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
            kept = fields if len(fields) <= _MAX_LINES else _bounded(fields, reported)
            # The path's parameters are at most as long as the path.
            held = 2 * len(self.path) + len(self.query)
            for _, value in kept:
                held += len(value) + _FIELD_BYTES
            self.headers = kept
            self.held_bytes = held
            self.has_snapshot = True
            return
        kept = [field for field in headers if _is_pair(field) and field[0] in reported]
        self.headers = _bounded(kept, reported)
        self.held_bytes = _UNKNOWN_BYTES
        self.has_snapshot = True

    @property
    def place(self) -> Mapping[str, Any]:
        """The scope; empty after the request."""
        return self.scope

    def route(self) -> Route | None:
        """Return the route that the app has written into the scope, or None."""
        routing = ASGIRouting(*routing_parts(self.scope, None))
        template = routing.template()
        return None if template is None else (template, routing.path_params())

    def raw_request(self) -> RawRequest:
        """Return the request's values; the route may be unknown while the request runs."""
        self.snapshot()
        scope = self.scope
        is_over = self._routing is not None or scope is _FINISHED
        present = () if is_over else routing_parts(scope, self.resolved_route())
        # If the request ends now, ``present`` is empty but ``self._routing`` is complete.
        routing = ASGIRouting(*(self._routing or present))
        path, query = as_text(self.path), self.query
        route = routing.template()
        # Without a template, its position in the path is not needed.
        routed, mount = (path, "") if route is None else (routing.routed(), routing.mount())
        return RawRequest(
            verb=as_text(self.verb),
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
            crashed=self.crashed,
        )

    def raw_body(self) -> RawBody | None:
        """Return the part of the body that the app has read."""
        if self.body is None:
            return None
        self.snapshot()
        types = [value for name, value in self.headers if name == _TYPE]
        content_type = types[0].decode("latin-1") if types else ""
        return RawBody(content_type, self.body.read(), self.body.truncated, self.dialect)

    def finish(self) -> None:
        """Release the scope; keep the values that describe the route."""
        scope = self.scope
        if "path_params" in scope or "route" in scope or "path_template" in scope:
            self._routing = routing_parts(scope, self.resolved_route())
        if self.needs_cleanup:
            self._routing = self._routing or routing_parts(scope, self.resolved_route())
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


def _bounded(fields: Iterable[Any], names: Iterable[bytes]) -> list[Any]:
    """Return the first line of each header, which apps read, and the last ones, of near proxies.

    The lines of one header never replace those of another, because clients can send many.
    """
    kept = []
    for name in names:
        lines = [field for field in fields if field[0] == name]
        kept += [*lines[:1], *lines[1:][1 - _MAX_LINES :]]
    return kept


def _query_bytes(query: object) -> bytes:
    """Return the query; in Django's test client it is text."""
    return safe_text(query or "").encode("utf-8", "replace")


def _is_pair(field: object) -> bool:
    """Return whether a header field is a pair of byte strings."""
    pair = isinstance(field, _SEQUENCES) and len(field) == len(("name", "value"))
    return pair and isinstance(field[0], bytes) and isinstance(field[1], bytes)  # type: ignore[index]  # a pair
