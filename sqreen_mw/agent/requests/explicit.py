"""A request that the app names itself: ``track(request=...)``."""

from collections.abc import Mapping
from typing import Final

from sqreen_mw.agent.context import Calls, RequestContext
from sqreen_mw.agent.requests.asgi import TOLD_HEADERS, ASGIRequestContext
from sqreen_mw.agent.requests.wsgi import TOLD_KEYS, WSGIRequestContext, environ_key

CONTEXT_KEY: Final = "sqreen"
"""Where a middleware leaves the context: in the scope's ``state``, or in the environ."""


def context_of(request: object, calls: Calls, *, ip_header: str) -> RequestContext | None:
    """Return the context of a request object, or None where it is none that we know.

    It may be a scope, an environ, or anything that has one: Starlette's and FastAPI's requests
    and websockets, Flask's and Werkzeug's, and Django's of both kinds.

    Args:
        request: The object.
        calls: What a new context's calls go to.
        ip_header: The lower-case name of the header that proxies name the client in.
    """
    scope = request if isinstance(request, Mapping) else getattr(request, "scope", None)
    if isinstance(scope, Mapping) and scope.get("type") in {"http", "websocket"}:
        known = _known(scope.get("state"))
        told = TOLD_HEADERS | {ip_header.encode("latin-1")}
        return known or _finished(ASGIRequestContext(calls, dict(scope), told))
    environ = request if isinstance(request, Mapping) else _environ_of(request)
    if isinstance(environ, Mapping) and "REQUEST_METHOD" in environ:
        headers = (*TOLD_KEYS, environ_key(ip_header))
        known = _known(environ)
        return known or _finished(WSGIRequestContext(calls, dict(environ), headers))
    return None


def _known(mapping: object) -> RequestContext | None:
    found = mapping.get(CONTEXT_KEY) if isinstance(mapping, Mapping) else None
    return found if isinstance(found, RequestContext) else None


def _environ_of(request: object) -> object:
    return getattr(request, "environ", None) or getattr(request, "META", None)


def _finished(context: RequestContext) -> RequestContext:
    context.notice()
    context.finish()
    return context
