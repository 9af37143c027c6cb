"""A request that the app names itself: ``track(request=...)``."""

from collections.abc import Mapping, MutableMapping
from typing import Final

from sqreen_mw.agent.calls import AnyAgent
from sqreen_mw.agent.context import RequestContext
from sqreen_mw.agent.requests.asgi import TOLD_HEADERS, asgi_request
from sqreen_mw.agent.requests.wsgi import environ_key, wsgi_request

STATE_KEY: Final = "sqreen"
"""The key of the context in the ``state`` of an ASGI scope."""

ENVIRON_KEY: Final = "sqreen.request"
"""The key of the context in a WSGI environ; PEP 3333 asks for a dot in keys that are not text."""

ID_KEY: Final = "sqreen_mw.request_id"
"""Where the id of a request without a middleware stays, in its scope or environ."""


def context_of(request: object, agent: AnyAgent, *, ip_header: str) -> RequestContext | None:
    """Return the context of a request object, or None where it is none that we know.

    It may be a scope, an environ, or anything that has one: Starlette's and FastAPI's requests
    and websockets, Flask's and Werkzeug's, and Django's of both kinds.

    Args:
        request: The object.
        agent: Takes the calls of a new context.
        ip_header: The lower-case name of the header that proxies name the client in.
    """
    known = known_context(request)
    if known is not None:
        return known
    context = _new_context(request, agent, ip_header)
    if context is not None:
        context.notice()
        context.finish()
        _share_id(context, _scope_of(request) or _environ_of(request))
    return context


def _share_id(context: RequestContext, place: object) -> None:
    """Give all events of a request one id: it alone stays there, so it keeps nothing alive."""
    if isinstance(place, MutableMapping):
        shared = place.setdefault(ID_KEY, context.id)
        if isinstance(shared, str):
            context.take_id(shared)


def known_context(request: object) -> RequestContext | None:
    """Return the context that a middleware has given to a request, or None."""
    scope = _scope_of(request)
    state = None if scope is None else scope.get("state")
    for place, key in ((state, STATE_KEY), (_environ_of(request), ENVIRON_KEY)):
        found = place.get(key) if isinstance(place, Mapping) else None
        if isinstance(found, RequestContext):
            return found
    return None


def told_headers(ip_header: str) -> frozenset[bytes]:
    """Return the names of an ASGI request's fields that events tell of."""
    return TOLD_HEADERS | {ip_header.encode("latin-1")}


def _new_context(request: object, agent: AnyAgent, ip_header: str) -> RequestContext | None:
    scope = _scope_of(request)
    if scope is not None:
        return asgi_request(scope, agent, told_headers(ip_header))
    environ = _environ_of(request)
    if isinstance(environ, Mapping) and "REQUEST_METHOD" in environ:
        context = wsgi_request(environ, agent, environ_key(ip_header))
        if hasattr(request, "META"):
            # Django decodes the path where it stands.
            context.given_path = getattr(request, "path", None)
        return context
    return None


def _scope_of(request: object) -> Mapping[str, object] | None:
    scope = getattr(request, "scope", request)
    if isinstance(scope, Mapping) and scope.get("type") in {"http", "websocket"}:
        return scope
    return None


def _environ_of(request: object) -> object:
    """Return the environ of a request: Django's has it as META, Falcon's as env."""
    if isinstance(request, Mapping):
        return request
    names = ("environ", "META", "env")
    return next((found for name in names if (found := getattr(request, name, None))), None)
