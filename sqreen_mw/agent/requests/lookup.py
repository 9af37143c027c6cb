"""Finds the context of a request that a middleware has seen, and creates one for other requests.

A request may pass several middlewares: nested ones, those of mounted apps, and one on each side of
an adapter between ASGI and WSGI. All of them use the context of the outermost one.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal

from sqreen_mw.agent.calls import AnyAgent
from sqreen_mw.agent.context import RequestContext, current_request
from sqreen_mw.agent.requests.asgi import REPORTED_HEADERS, ASGIRequestContext, asgi_request
from sqreen_mw.agent.requests.wsgi import decoded_path, environ_key, wsgi_request
from sqreen_mw.app_errors import suppress_app_errors

STATE_KEY: Final = "sqreen"
"""The key of the context in the ``state`` of an ASGI scope."""

ENVIRON_KEY: Final = "sqreen.request"
"""The key of the context in a WSGI environ; PEP 3333 asks for a dot in keys that are not text."""

ID_KEY: Final = "sqreen_mw.request_id"
"""The key of the id of a request without a middleware, in its scope or environ."""

both_sides: Final[list[str]] = []
"""Not empty if this process has ASGI and WSGI middlewares: only then a request may pass both."""

_sides: Final[set[str]] = set()
"""The sides of this process's middlewares."""

_ADAPTED: Final = ("asgi.scope", "wsgi_environ")
"""The keys of the original scope or environ in the one that a2wsgi makes of it."""


def find_or_create_context(
    request: object, agent: AnyAgent, *, ip_header: str
) -> RequestContext | None:
    """Return the context of a request object, or None if its type is unknown.

    It may be a scope, an environ, or an object that has one: a request or websocket of Starlette
    or FastAPI, or a request of Flask, Werkzeug or Django.

    Args:
        request: The object.
        agent: Handles the calls of a new context.
        ip_header: The lower-case name of the header with the client's address.
    """
    place = _scope_of(request) or _environ_of(request)
    known = existing_context(request)
    if known is None and isinstance(place, Mapping):
        known = shared_context(place)
    if known is not None:
        return known
    context = _new_context(request, agent, ip_header)
    if context is not None:
        context.snapshot()
        context.finish()
        _share_request_id(context, place)
    return context


def _share_request_id(context: RequestContext, place: object) -> None:
    """Store the id in the scope or environ, so that all events of the request have the same."""
    if isinstance(place, MutableMapping):
        shared = place.setdefault(ID_KEY, context.id)
        if isinstance(shared, str):
            context.set_id(shared)


def existing_context(request: object) -> RequestContext | None:
    """Return the context that a middleware created for a request, or None."""
    scope = _scope_of(request)
    state = None if scope is None else scope.get("state")
    for place, key in ((state, STATE_KEY), (_environ_of(request), ENVIRON_KEY)):
        found = place.get(key) if isinstance(place, Mapping) else None
        if isinstance(found, RequestContext):
            return found
    return None


def note_middleware(side: Literal["asgi", "wsgi"]) -> None:
    """Note that this process has a middleware, which saves others a check per request."""
    _sides.add(side)
    if len(_sides) > 1:
        both_sides[:] = _sides


def shared_context(place: Mapping[str, Any]) -> RequestContext | None:
    """Return the context of this request if another middleware has created it, or None.

    Args:
        place: The scope or the environ that this middleware receives.
    """
    known, current = existing_context(place), current_request()
    if known is not None and (known is current or ("type" not in place and known.place)):
        return known
    if current is None or not current.place:
        return None
    return current if _is_behind_an_adapter(place, current) else None


def _is_behind_an_adapter(place: Mapping[str, Any], current: RequestContext) -> bool:
    """Return whether a scope or environ is that of the current request, on an adapter's inside."""
    if any(existing_context(place.get(key)) is current for key in _ADAPTED):
        return True
    is_asgi = isinstance(current, ASGIRequestContext)
    if "type" not in place and not is_asgi:
        return False  # a request of its own, such as a part of a batch, with equal values
    if "type" in place and is_asgi:
        # Two requests never have the same list. A server may start one inside the previous one of
        # its connection, which has equal values.
        headers = place.get("headers")
        return bool(headers) and headers is current.place.get("headers")
    with suppress_app_errors:  # values of a scope may be of any type
        return _describe_one_request(current.place, place)
    return False


def _describe_one_request(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> bool:
    """Compare a scope and an environ. A middleware may have removed a part of the path."""
    *outer_values, outer_path = _values(outer)
    *inner_values, inner_path = _values(inner)
    path, rest = outer_path.rstrip("/"), inner_path.rstrip("/")
    return outer_values == inner_values and (path.endswith(rest) or rest.endswith(path))


def _values(place: Mapping[str, Any]) -> tuple[str, ...]:
    """Return verb, user agent, query and path of a scope or an environ."""
    get = place.get
    if "type" in place:
        agent = dict(get("headers") or ()).get(b"user-agent", b"").decode("latin-1")
        query = (get("query_string") or b"").decode("latin-1")
        return get("method") or "", agent, query, get("path") or ""
    path = decoded_path(None, get("PATH_INFO"))
    keys = ("REQUEST_METHOD", "HTTP_USER_AGENT", "QUERY_STRING")
    return (*(get(key) or "" for key in keys), path)


def reported_headers(ip_header: str) -> frozenset[bytes]:
    """Return the names of the ASGI header fields that events contain."""
    return REPORTED_HEADERS | {ip_header.encode("latin-1")}


def _new_context(request: object, agent: AnyAgent, ip_header: str) -> RequestContext | None:
    scope = _scope_of(request)
    if scope is not None:
        return asgi_request(scope, agent, reported_headers(ip_header))
    environ = _environ_of(request)
    if isinstance(environ, Mapping) and "REQUEST_METHOD" in environ:
        context = wsgi_request(environ, agent, environ_key(ip_header))
        if hasattr(request, "META"):
            # Django decodes the path differently.
            context.given_path = getattr(request, "path", None)
        return context
    return None


def _scope_of(request: object) -> Mapping[str, object] | None:
    scope = getattr(request, "scope", request)
    if isinstance(scope, Mapping) and scope.get("type") in {"http", "websocket"}:
        return scope
    return None


def _environ_of(request: object) -> object:
    """Return the environ of a request: META of Django, env of Falcon."""
    if isinstance(request, Mapping):
        return request
    names = ("environ", "META", "env")
    return next((found for name in names if (found := getattr(request, name, None))), None)
