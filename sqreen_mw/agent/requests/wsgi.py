"""The context of a WSGI request."""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from sqreen_mw.agent.calls import AnyAgent
from sqreen_mw.agent.context import RequestContext, Route
from sqreen_mw.agent.requests.wsgi_headers import UNCLEAR, clear_values, drops_underscores
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.capture.client_ip import FORWARDING, Headers
from sqreen_mw.capture.json_copy import safe_text
from sqreen_mw.capture.multipart_body import WERKZEUG, Dialect
from sqreen_mw.capture.request import PathParams, RawRequest
from sqreen_mw.capture.request_body import RawBody

Environ: TypeAlias = dict[str, Any]

_WERKZEUG: Final = "werkzeug.request"
_BOTTLE: Final = "bottle.route"

_FINISHED: Final[Mapping[str, Any]] = MappingProxyType({})
"""The environ of a finished request."""

_USER_AGENT: Final = "HTTP_USER_AGENT"
_REPORTED_KEYS: Final = ("HTTP_HOST", _USER_AGENT)

_COPIED_KEYS: Final = (
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "REMOTE_ADDR",
    *_REPORTED_KEYS,
)


class WSGIRequestContext(RequestContext):
    """A request. It keeps the environ only while the request runs.

    The values are copied before the app runs, because other middlewares may change them.

    Attributes:
        content_type: The type of the body, if the request has one.
        environ: The WSGI environ; empty after the request.
        given_path: The path, if the environ does not contain it as PEP 3333 defines.
        start_response: The server's function while the request runs, if it is known.
        values: The result of ``environ_values``.
    """

    content_type: object = None
    dialect: Dialect = WERKZEUG
    given_path: str | None = None
    _has_checked_names: bool = False
    _has_unclear_address: bool = False
    _forwarding: Mapping[str, object] = MappingProxyType({})
    _routing: tuple[object, object, object] | None = None

    environ: Mapping[str, Any]
    start_response: object
    values: tuple[Any, ...]

    def snapshot(self) -> None:
        """Look up the route: Flask removes its request before the server closes the response."""
        if not self.has_snapshot:
            self._check_names()
            _, script_name, path_info, *rest, _ = self.values
            # The path's parameters are at most as long as the path.
            path = script_name, path_info
            texts = (*path, *path, self.content_type, *rest, *self._forwarding.values())
            lengths = [len(text) for text in texts if isinstance(text, str)]
            self.held_bytes: int = sum(lengths)
            self.has_snapshot = True
        self._look_up_route()

    @property
    def place(self) -> Mapping[str, Any]:
        """The environ; empty after the request."""
        return self.environ

    def route(self) -> Route | None:
        """Return the route that the app has written into the environ, or None."""
        self._look_up_route()
        rule, parameters, _ = self._routing or (None, None, None)
        template, path_params = _template_and_parameters(rule, parameters)
        return None if template is None else (template, path_params)

    def raw_request(self) -> RawRequest:
        """Return the request's values; the route may be unknown while the request runs."""
        self._look_up_route()
        self._check_names()
        verb, script_name, path_info, query, peer, *fields, ip_key = self.values
        given = self.given_path
        path = decoded_path(script_name, path_info) if given is None else safe_text(given)
        rule, parameters, routed = self._routing or (None, None, None)
        route, path_params = _template_and_parameters(rule, parameters)
        return RawRequest(
            verb="GET" if verb is None else safe_text(verb),
            path=path,
            query=safe_text(query or "").encode("latin-1", "replace"),
            headers=_header_fields(
                (*_REPORTED_KEYS, ip_key, *self._forwarding),
                (*fields, *self._forwarding.values()),
            ),
            peer=safe_text(peer or ""),
            has_unclear_address=self._has_unclear_address,
            route=route,
            path_params=path_params,
            routed=_routed(path, routed),
            id=self.id,
            status=self.status_code(),
            crashed=self.crashed,
        )

    def raw_body(self) -> RawBody | None:
        """Return the part of the body that the app has read."""
        if self.body is None:
            return None
        content_type = safe_text(self.content_type or "")
        return RawBody(content_type, self.body.read(), self.body.truncated, self.dialect)

    def finish(self) -> None:
        """Release the environ; keep the route and the path parameters."""
        environ = self.environ
        if self.needs_cleanup or _WERKZEUG in environ or _BOTTLE in environ:
            self._look_up_route()
            self.release()
        self.environ = _FINISHED
        self.start_response = None
        self.defers_events = False

    def _check_names(self) -> None:
        """Remove values that a client may have sent under a name with underscores."""
        if self._has_checked_names:
            return
        environ = None if self.environ is _FINISHED else self.environ
        if environ is not None:
            known = self.values[-1]
            self._forwarding = {
                key: environ[key] for key in _FORWARDING_KEYS if key in environ and key != known
            }
        if environ is None or not drops_underscores(environ):
            *others, user_agent, address, ip_key = self.values
            given = {_USER_AGENT: user_agent, ip_key: address}
            clear = clear_values(given, environ, self.start_response)
            user_agent, address = clear[_USER_AGENT], clear[ip_key]
            self._has_unclear_address = address is UNCLEAR
            user_agent = None if user_agent is UNCLEAR else user_agent
            self.values = *others, user_agent, "" if address is UNCLEAR else address, ip_key
        self._has_checked_names = True

    def _look_up_route(self) -> None:
        """Keep the route and the path that matched it; they are read later."""
        if self._routing is not None:
            return
        environ = self.environ
        if self.route_resolver is None:
            rule, parameters = _rule(environ)
        else:
            rule, parameters = self.resolved_route() or (None, None)
        if rule is not None:
            # For a mounted app, this is the end of the path.
            self._routing = rule, parameters, environ.get("PATH_INFO")


def wsgi_request(environ: Mapping[str, Any], agent: AnyAgent, ip_key: str) -> WSGIRequestContext:
    """Return the context of a request, with copies of its values.

    Args:
        environ: The WSGI environ.
        agent: Handles the calls of the request.
        ip_key: The key of the header with the client's address.
    """
    context = WSGIRequestContext()
    context.agent = agent
    context.environ = environ
    context.needs_cleanup = False
    context.start_response = None
    context.values = environ_values(environ, ip_key)
    return context


def environ_values(environ: Mapping[str, Any], ip_key: str) -> tuple[Any, ...]:
    """Return the values of an environ that events contain, or None, and at the end the key."""
    return (*map(environ.get, (*_COPIED_KEYS, ip_key)), ip_key)


def _rule(environ: Mapping[str, Any]) -> tuple[object, object]:
    """Return the rule that matched, and the path's parameters.

    A request of Werkzeug or Flask is in the environ, and gets its rule later. Bottle writes its
    rule into the environ, even if a middleware has created a request of Werkzeug.
    """
    request = environ.get(_WERKZEUG)
    if request is not None:
        with suppress_app_errors:
            rule = getattr(request, "url_rule", None)
            if rule is not None:
                return rule, getattr(request, "view_args", None)
    return environ.get(_BOTTLE), environ.get("route.url_args")


def _template_and_parameters(rule: object, parameters: object) -> tuple[str | None, PathParams]:
    """Return the template of a rule, and a copy of the parameters."""
    with suppress_app_errors:
        route = rule if isinstance(rule, str) else getattr(rule, "rule", None)
        if isinstance(route, str):
            return route, dict(parameters) if isinstance(parameters, Mapping) else {}
    return None, {}


def _routed(path: str, path_info: object) -> str:
    """Return the end of a path that a route matched, or nothing if it belongs to another path.

    Bottle writes decoded text.
    """
    ends = decoded_path(None, path_info), safe_text(path_info or "")
    return next((end for end in ends if path.endswith(end)), "")


def decoded_path(script_name: object, path_info: object) -> str:
    """Return the path of two parts, which are bytes decoded as Latin-1 (PEP 3333)."""
    path = safe_text(script_name or "") + safe_text(path_info or "")
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


def environ_key(header: str) -> str:
    """Return the environ's key of a header field (PEP 3333)."""
    return f"HTTP_{header.upper().replace('-', '_')}"


_FORWARDING_KEYS: Final = tuple(map(environ_key, FORWARDING))


def _header_fields(keys: Iterable[str], values: Iterable[object]) -> Headers:
    return [
        (_field_name(key), safe_text(value).encode("latin-1", "replace"))
        for key, value in zip(keys, values, strict=True)
        if value is not None
    ]


@cache
def _field_name(key: str) -> bytes:
    return key[5:].replace("_", "-").lower().encode("latin-1")
