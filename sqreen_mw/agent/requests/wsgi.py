"""A request in a WSGI server."""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from sqreen_mw.agent.calls import AnyAgent
from sqreen_mw.agent.context import RequestContext
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.capture.body import RawBody
from sqreen_mw.capture.client_ip import Headers
from sqreen_mw.capture.json_copy import safe_text
from sqreen_mw.capture.request import PathParams, RawRequest

Environ: TypeAlias = dict[str, Any]

_WERKZEUG: Final = "werkzeug.request"
_BOTTLE: Final = "bottle.route"

_GONE: Final[Mapping[str, Any]] = MappingProxyType({})
"""The environ of a request that is over."""

_TOLD_KEYS: Final = ("HTTP_HOST", "HTTP_USER_AGENT")

_TAKEN_KEYS: Final = (
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "REMOTE_ADDR",
    *_TOLD_KEYS,
)


class WSGIRequestContext(RequestContext):
    """A request; it holds the environ only while the request runs.

    The values are taken before the app runs, as other middlewares rewrite them.

    Attributes:
        content_type: What the body is, where the request has one.
        environ: As PEP 3333 has it; empty when the request is over.
        given_path: The path, where the environ's is not as PEP 3333 has it any more.
        taken: What ``taken_values`` returned.
    """

    content_type: object = None
    given_path: str | None = None
    _routing: tuple[object, object, object] | None = None

    environ: Mapping[str, Any]
    taken: tuple[Any, ...]

    def notice(self) -> None:
        """Look up the route: Flask lets go of its request before the server closes the answer."""
        if not self.noticed:
            _, script_name, path_info, *rest, _ = self.taken
            # The path's parameters are as long as the path, at most.
            path = script_name, path_info
            texts = (*path, *path, self.content_type, *rest)
            lengths = [len(text) for text in texts if isinstance(text, str)]
            self.held_bytes: int = sum(lengths)
            self.noticed = True
        self._look_up_route()

    def raw_request(self) -> RawRequest:
        """Return the request's values; route and path parameters as far as they are known."""
        self._look_up_route()
        verb, script_name, path_info, query, peer, *fields, ip_key = self.taken
        given = self.given_path
        path = decoded_path(script_name, path_info) if given is None else safe_text(given)
        rule, parameters, routed = self._routing or (None, None, None)
        route, path_params = _read(rule, parameters)
        return RawRequest(
            verb="GET" if verb is None else safe_text(verb),
            path=path,
            query=safe_text(query or "").encode("latin-1", "replace"),
            headers=_header_fields((*_TOLD_KEYS, ip_key), fields),
            peer=safe_text(peer or ""),
            route=route,
            path_params=path_params,
            routed=_routed(path, routed),
            id=self.id,
            status=self.status_code(),
        )

    def raw_body(self) -> RawBody | None:
        """Return what the app has read of the body."""
        if self.body is None:
            return None
        return RawBody(safe_text(self.content_type or ""), self.body.read(), self.body.truncated)

    def finish(self) -> None:
        """Keep the route and the path parameters, and let go of the environ."""
        environ = self.environ
        if self.holds_more or _WERKZEUG in environ or _BOTTLE in environ:
            self._look_up_route()
            self.let_go()
        self.environ = _GONE
        self.holds_events = False

    def _look_up_route(self) -> None:
        """Keep the route as it is, and the path that it was found by: they are read later."""
        if self._routing is not None:
            return
        environ = self.environ
        if self.find_route is None:
            rule, parameters = _rule(environ)
        else:
            rule, parameters = self.found_route() or (None, None)
        if rule is not None:
            # What is mounted in an app has the end of the path here.
            self._routing = rule, parameters, environ.get("PATH_INFO")


def wsgi_request(environ: Mapping[str, Any], agent: AnyAgent, ip_key: str) -> WSGIRequestContext:
    """Return the context of a request, of what its environ has now.

    Args:
        environ: As PEP 3333 has it.
        agent: Takes the calls of the request.
        ip_key: The key of the header field that proxies name the client in.
    """
    context = WSGIRequestContext()
    context.agent = agent
    context.environ = environ
    context.holds_more = False
    context.taken = taken_values(environ, ip_key)
    return context


def taken_values(environ: Mapping[str, Any], ip_key: str) -> tuple[Any, ...]:
    """Return what events tell of an environ, None for what is not in it, and last that key."""
    return (*map(environ.get, (*_TAKEN_KEYS, ip_key)), ip_key)


def _rule(environ: Mapping[str, Any]) -> tuple[object, object]:
    """Return the rule that the app chose, and the path's parameters.

    Werkzeug's request, which Flask's is, puts itself here and is given its rule later; Bottle puts
    its rule here, also where a middleware has made a request of Werkzeug's.
    """
    request = environ.get(_WERKZEUG)
    if request is not None:
        with suppress_app_errors:
            rule = getattr(request, "url_rule", None)
            if rule is not None:
                return rule, getattr(request, "view_args", None)
    return environ.get(_BOTTLE), environ.get("route.url_args")


def _read(rule: object, parameters: object) -> tuple[str | None, PathParams]:
    """Return a rule's template, and the path's parameters."""
    with suppress_app_errors:
        route = rule if isinstance(rule, str) else getattr(rule, "rule", None)
        if isinstance(route, str):
            return route, dict(parameters) if isinstance(parameters, Mapping) else {}
    return None, {}


def _routed(path: str, path_info: object) -> str:
    """Return the end of a path that a route describes; nothing where it is of another path.

    Bottle leaves its own decoded text.
    """
    ends = decoded_path(None, path_info), safe_text(path_info or "")
    return next((end for end in ends if path.endswith(end)), "")


def decoded_path(script_name: object, path_info: object) -> str:
    """Return a path of two parts that came as bytes in the disguise of Latin-1 (PEP 3333)."""
    path = safe_text(script_name or "") + safe_text(path_info or "")
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


def environ_key(header: str) -> str:
    """Return the environ's key of a header field (PEP 3333)."""
    return f"HTTP_{header.upper().replace('-', '_')}"


def _header_fields(keys: Iterable[str], values: Iterable[object]) -> Headers:
    return [
        (_field_name(key), safe_text(value).encode("latin-1", "replace"))
        for key, value in zip(keys, values, strict=True)
        if value is not None
    ]


@cache
def _field_name(key: str) -> bytes:
    return key[5:].replace("_", "-").lower().encode("latin-1")
