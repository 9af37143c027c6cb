"""Requests that reach a Flask app past ``app.wsgi_app``.

A library that took ``app.wsgi_app`` before our extension was installed calls Flask directly. Such a
request gets its context from Flask's own hooks.
"""

from contextvars import Token
from functools import partial
from typing import Any

from msgspec import Struct

from sqreen_mw.agent.context import RequestContext, current_request, reset_current, set_current
from sqreen_mw.agent.requests.lookup import ENVIRON_KEY, shared_context
from sqreen_mw.middleware.optional import require_extra
from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware

with require_extra("flask"):
    from flask import Flask, Response, request, request_finished, request_tearing_down


def serve_bypassing_requests(app: Flask, middleware: SqreenWSGIMiddleware) -> None:
    """Give a context to the requests that do not pass the middleware."""
    # The first of Flask's hooks. Flask's own method to add one allows no other place than the last.
    app.url_value_preprocessors[None].insert(0, partial(_begin, app, middleware))


class _Bypass(Struct, eq=False):
    """A request past the middleware, from Flask's first hook to its end."""

    context: RequestContext
    token: Token[RequestContext | None]
    is_streamed: bool = False

    def end(self) -> None:
        """End the request: the previous one is the current one again."""
        if current_request() is self.context:
            reset_current(self.token)
        self.context.finish()


def _begin(app: Flask, middleware: SqreenWSGIMiddleware, *_: object) -> None:
    environ = request.environ
    context = environ.get(ENVIRON_KEY)
    if context is not None and context is current_request():
        return
    if context is None:
        outer = shared_context(environ)
        if outer is not None:
            middleware.share(outer, environ).route()
            return
        context = middleware.new_context(environ)
    vars(request)["sqreen_bypass"] = _Bypass(context, set_current(context))
    request_finished.connect(_finish, app)
    request_tearing_down.connect(_tear_down, app)


def _finish(_: Flask, response: Response, **__: Any) -> None:
    bypass = _bypass()
    if bypass is None:
        return
    context = bypass.context
    context.status = response.status_code
    context.route()  # Flask removes it from the environ before the response ends
    if response.is_streamed and not response.direct_passthrough:
        bypass.is_streamed = True
        response.call_on_close(bypass.end)


def _tear_down(_: Flask, *, exc: BaseException | None = None, **__: Any) -> None:
    bypass = _bypass()
    if bypass is None or bypass.is_streamed:
        return
    if exc is not None and bypass.context.status is None:
        bypass.context.record_crash(exc, started=False)
    bypass.end()


def _bypass() -> _Bypass | None:
    """Return the present request if it does not pass the middleware."""
    return vars(request).get("sqreen_bypass")
