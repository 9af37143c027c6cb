"""Finds or creates the context of ``track(request=...)``."""

from collections.abc import Mapping, MutableMapping
from typing import Final

from sqreen_mw.agent.calls import AnyAgent
from sqreen_mw.agent.context import RequestContext
from sqreen_mw.agent.requests.asgi import REPORTED_HEADERS, asgi_request
from sqreen_mw.agent.requests.wsgi import environ_key, wsgi_request

STATE_KEY: Final = "sqreen"
"""The key of the context in the ``state`` of an ASGI scope."""

ENVIRON_KEY: Final = "sqreen.request"
"""The key of the context in a WSGI environ; PEP 3333 asks for a dot in keys that are not text."""

ID_KEY: Final = "sqreen_mw.request_id"
"""The key of the id of a request without a middleware, in its scope or environ."""


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
    known = existing_context(request)
    if known is not None:
        return known
    context = _new_context(request, agent, ip_header)
    if context is not None:
        context.snapshot()
        context.finish()
        _share_request_id(context, _scope_of(request) or _environ_of(request))
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
