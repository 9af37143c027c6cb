"""A request in a WSGI server."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, Final, TypeAlias

from sqreen_mw.agent.context import Calls, RequestContext
from sqreen_mw.capture.body import RawBody
from sqreen_mw.capture.client_ip import Headers
from sqreen_mw.capture.request import PathParams, RawRequest
from sqreen_mw.capture.values import safe_text

Environ: TypeAlias = dict[str, Any]

_WERKZEUG: Final = "werkzeug.request"
_BOTTLE: Final = "bottle.route"

TOLD_KEYS: Final = ("HTTP_HOST", "HTTP_USER_AGENT")


class WSGIRequestContext(RequestContext):
    """A request; it holds the environ only while the request runs.

    The values are taken before the app runs, as other middlewares rewrite them.
    """

    _given_path: str | None = None
    _routing: tuple[object, object, object] | None = None

    def __init__(
        self,
        calls: Calls,
        environ: Mapping[str, Any],
        headers: tuple[str, ...],
        *,
        given_path: str | None = None,
    ) -> None:
        """Take a request's values.

        Args:
            calls: What the request's calls go to.
            environ: As PEP 3333 has it.
            headers: The keys of the header fields to keep.
            given_path: The path, where the environ's is not as PEP 3333 has it any more.
        """
        self.calls = calls  # all that the class above does: a call costs each request
        get = environ.get
        self._content_type: Final = get("CONTENT_TYPE")
        self._environ: Mapping[str, Any] | None = environ
        self._keys: Final = headers
        self._values: Final = tuple(map(get, headers))
        self._path: Final = get("SCRIPT_NAME"), get("PATH_INFO")
        self._peer: Final = get("REMOTE_ADDR")
        self._query: Final = get("QUERY_STRING")
        self._verb: Final = get("REQUEST_METHOD", "GET")
        if given_path is not None:
            self._given_path = given_path

    def notice(self) -> None:
        """Look up the route: Flask lets go of its request before the server closes the answer."""
        if not self.noticed:
            # The path's parameters are as long as the path, at most.
            texts = (*self._path, *self._path, self._query, self._content_type, *self._values)
            lengths = [len(text) for text in texts if isinstance(text, str)]
            self.held_bytes: int = sum(lengths)
            self.noticed = True
        self._look_up_route()

    def raw_request(self) -> RawRequest:
        """Return the request's values; route and path parameters as far as they are known."""
        self._look_up_route()
        path = self._path_text()
        rule, parameters, path_info = self._routing or (None, None, None)
        route, path_params = _read(rule, parameters)
        return RawRequest(
            verb=safe_text(self._verb or ""),
            path=path,
            query=safe_text(self._query or "").encode("latin-1", "replace"),
            headers=_header_fields(self._keys, self._values),
            peer=safe_text(self._peer or ""),
            route=route,
            path_params=path_params,
            routed=_routed(path, path_info),
            id=self.id,
            status=self.status_code(),
        )

    def raw_body(self) -> RawBody | None:
        """Return what the app has read of the body."""
        if self.body is None:
            return None
        return RawBody(safe_text(self._content_type or ""), self.body.read(), self.body.truncated)

    def finish(self) -> None:
        """Keep the route and the path parameters, and let go of the environ."""
        environ = self._environ
        if environ is not None:
            if _WERKZEUG in environ or _BOTTLE in environ or self.find_route is not None:
                self._look_up_route()
            self._environ = None
        super().finish()

    def _path_text(self) -> str:
        if self._given_path is not None:
            return safe_text(self._given_path)
        return decoded_path(*self._path)

    def _look_up_route(self) -> None:
        """Keep the route as it is, and the path that it was found by: they are read later."""
        environ = self._environ
        if environ is None or self._routing is not None:
            return
        if self.find_route is None:
            rule, parameters = _rule(environ)
        else:
            rule, parameters = self.found_route() or (None, None)
        if rule is not None:
            # What is mounted in an app has the end of the path here.
            self._routing = rule, parameters, environ.get("PATH_INFO")


def _rule(environ: Mapping[str, Any]) -> tuple[object, object]:
    """Return the rule that the app chose, and the path's parameters.

    Werkzeug's request, which Flask's is, puts itself here and is given its rule later; Bottle puts
    its rule here, also where a middleware has made a request of Werkzeug's.
    """
    request = environ.get(_WERKZEUG)
    if request is not None:
        with suppress(Exception):  # a framework's own object may raise anything
            rule = getattr(request, "url_rule", None)
            if rule is not None:
                return rule, getattr(request, "view_args", None)
    return environ.get(_BOTTLE), environ.get("route.url_args")


def _read(rule: object, parameters: object) -> tuple[str | None, PathParams]:
    """Return a rule's template, and the path's parameters."""
    with suppress(Exception):  # a framework's own object may raise anything
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
