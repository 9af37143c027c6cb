"""The middleware for Django's ``MIDDLEWARE``, under WSGI and ASGI: ``request.sqreen``."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final

from sqreen_mw.agent.context import (
    RequestContext,
    Route,
    current_request,
    reset_current,
    set_current,
)
from sqreen_mw.agent.null import IgnoredPathAgent
from sqreen_mw.agent.requests.asgi import asgi_request
from sqreen_mw.agent.requests.lookup import (
    ENVIRON_KEY,
    existing_context,
    reported_headers,
)
from sqreen_mw.agent.requests.wsgi import environ_key, wsgi_request
from sqreen_mw.agent.runtime import ConfiguredAgent, configure
from sqreen_mw.capture.body import BodyTee
from sqreen_mw.capture.routes import template_names
from sqreen_mw.errors import ConfigurationError
from sqreen_mw.middleware.django_logins import follow_logins
from sqreen_mw.middleware.optional import extra
from sqreen_mw.middleware.response_iterators import AsyncSteps, Steps
from sqreen_mw.middleware.wsgi_input import has_body, teed_input

with extra("django"):
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction
    from django.conf import settings
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class SqreenMiddleware:
    """Gives each request a context: ``request.sqreen`` and ``sqreen_mw.track()`` below it.

    Put it first in ``MIDDLEWARE``. Settings come from Django's setting ``SQREEN``, a dict of the
    keywords that the other middlewares take, and else from the ``SQREEN_*`` variables;
    ``"auth_signals": True`` makes events of Django's own logins. It is as synchronous or
    asynchronous as what is below it, so it moves no request to another thread.
    """

    sync_capable: ClassVar[bool] = True
    async_capable: ClassVar[bool] = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Wrap what is below, as Django does once for each of its handlers.

        Raises:
            ConfigurationError: A setting is wrong; the message names it and the fix.
        """
        given = _given_settings()
        auth_signals = given.pop("auth_signals", False)
        if not isinstance(auth_signals, bool):
            raise ConfigurationError("auth_signals in Django's SQREEN must be True or False")
        follow_logins(wanted=auth_signals)
        self._agent: Final[ConfiguredAgent] = configure(given)  # type: ignore[arg-type]  # checked there
        header = self._agent.config.client_ip.header
        self._told_headers: Final = reported_headers(header)
        self._ip_key: Final = environ_key(header)
        self._ignored: Final = self._agent.config.ignore_paths
        self._ignoring: Final = IgnoredPathAgent(self._agent)
        self._get_response: Final = get_response
        self._is_async: Final[bool] = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Serve one request."""
        current = current_request()
        if current is not None and existing_context(request) is current:
            # A middleware around Django, or this one a second time, shares its context.
            _introduce(request, current)
            return self._get_response(request)  # type: ignore[no-any-return]  # as Django's types
        context = self._new_context(request)
        _introduce(request, context)
        _tee(request, context)
        serve = self._serve_async if self._is_async else self._serve
        return serve(request, context)

    def _serve(self, request: HttpRequest, context: RequestContext) -> HttpResponseBase:
        token = set_current(context)
        try:
            response: HttpResponseBase = self._get_response(request)
        except BaseException:
            context.finish()
            raise
        finally:
            reset_current(token)
        _follow(response, context)
        return response

    async def _serve_async(self, request: HttpRequest, context: RequestContext) -> HttpResponseBase:
        token = set_current(context)
        try:
            response: HttpResponseBase = await self._get_response(request)
        except BaseException:
            context.finish()
            raise
        finally:
            reset_current(token)
        _follow(response, context)
        return response

    def _new_context(self, request: HttpRequest) -> RequestContext:
        self._agent.ensure_started()
        agent = self._ignoring if self._ignored and request.path in self._ignored else self._agent
        scope = getattr(request, "scope", None)
        if scope is not None:
            return asgi_request(scope, agent, self._told_headers)
        context = wsgi_request(request.META, agent, self._ip_key)
        context.content_type = request.META.get("CONTENT_TYPE")
        # Django has decoded the path where it stood.
        context.given_path = request.path
        return context


def _given_settings() -> dict[str, Any]:
    given = getattr(settings, "SQREEN", {})
    if not isinstance(given, Mapping):
        raise ConfigurationError("Django's setting SQREEN must be a dict, such as {'url': ...}")
    return dict(given)


def _introduce(request: Any, context: RequestContext) -> None:
    """Let request and context know each other, until the request ends."""
    request.sqreen = request.META[ENVIRON_KEY] = context
    context.set_route_resolver(partial(_route, request))


def _route(request: Any) -> Route | None:
    match = request.resolver_match
    if match is None:
        return None
    # A path's template begins behind the slash, and a regular expression says where it begins.
    template = match.route if match.route.startswith("^") else f"/{match.route}"
    return template, _parameters(match, template)


def _parameters(match: Any, template: str) -> Mapping[str, object]:
    """Return what all the patterns captured: Django keeps only what the innermost one did.

    What the view is given has the rest, with defaults of the app's, which may hide one.
    """
    captured: Mapping[str, object] = match.captured_kwargs or {}
    if len(captured) == len(match.kwargs):
        return captured
    names = template_names(template) - (match.extra_kwargs or {}).keys()
    outer = {name: value for name, value in match.kwargs.items() if name in names}
    return {**outer, **captured}


def _tee(request: Any, context: RequestContext) -> None:
    """Keep what the app will read of the body, which Django has not touched yet."""
    stream = getattr(request, "_stream", None)
    if stream is not None and has_body(request.META):
        tee = BodyTee()
        context.set_body(tee)
        request._stream = teed_input(stream, tee)  # noqa: SLF001 there is no other way in


def _follow(response: Any, context: RequestContext) -> None:
    """End the request with its response: now, or once that is streamed.

    A file goes as it is, for the server to send it in its own way.
    """
    context.status = getattr(response, "status_code", None)
    streaming = getattr(response, "streaming", False)
    if not streaming or getattr(response, "file_to_stream", None) is not None:
        context.finish()
        return
    steps = AsyncSteps if response.is_async else Steps
    # Django closes what it streams when it closes the response.
    response.streaming_content = steps(response.streaming_content, context)
