"""A request that the app names itself: ``track(request=...)``."""

from collections.abc import Mapping
from typing import Final

from sqreen_mw.agent.context import Calls, RequestContext
from sqreen_mw.agent.requests.asgi import ASGIRequestContext
from sqreen_mw.agent.requests.wsgi import TOLD_HEADERS, WSGIRequestContext

CONTEXT_KEY: Final = "sqreen"
"""Where a middleware leaves the context: in the scope's ``state``, or in the environ."""


def context_of(request: object, calls: Calls, *, ip_header: str) -> RequestContext | None:
    """Return the context of a request object, or None where it is none that we know.

    It may be a scope, an environ, or anything that has one: Starlette's and FastAPI's requests
    and websockets, Flask's and Werkzeug's, and Django's of both kinds.

    Args:
        request: The object.
        calls: What a new context's calls go to.
        ip_header: The environ's key of the header that proxies name the client in.
    """
    scope = request if isinstance(request, Mapping) else getattr(request, "scope", None)
    if isinstance(scope, Mapping) and scope.get("type") in {"http", "websocket"}:
        known = (scope.get("state") or {}).get(CONTEXT_KEY)
        return known or _finished(ASGIRequestContext(calls, dict(scope)))
    environ = request if isinstance(request, Mapping) else _environ_of(request)
    if isinstance(environ, Mapping) and "REQUEST_METHOD" in environ:
        headers = (*TOLD_HEADERS, ip_header)
        known = environ.get(CONTEXT_KEY)
        return known or _finished(WSGIRequestContext(calls, dict(environ), headers))
    return None


def _environ_of(request: object) -> object:
    return getattr(request, "environ", None) or getattr(request, "META", None)


def _finished(context: RequestContext) -> RequestContext:
    context.finish()
    return context
