"""The middleware for Django's ``MIDDLEWARE``, under WSGI and ASGI: ``request.sqreen``."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final

from sqreen_mw.agent.context import (
    RequestContext,
    Route,
    reset_current,
    set_current,
)
from sqreen_mw.agent.null import IgnoredPathAgent
from sqreen_mw.agent.requests.asgi import asgi_request
from sqreen_mw.agent.requests.lookup import (
    ENVIRON_KEY,
    reported_headers,
    shared_context,
)
from sqreen_mw.agent.requests.wsgi import environ_key, wsgi_request
from sqreen_mw.agent.runtime import ConfiguredAgent, configure
from sqreen_mw.capture.multipart_body import DJANGO
from sqreen_mw.capture.path_matching import template_names
from sqreen_mw.capture.request_body import BodyTee
from sqreen_mw.errors import ConfigurationError
from sqreen_mw.middleware.django_logins import track_logins
from sqreen_mw.middleware.django_users import (
    aidentify_user_at_end,
    identify_user,
    identify_user_at_end,
)
from sqreen_mw.middleware.optional import require_extra
from sqreen_mw.middleware.response_iterators import AsyncContextIterator, ContextIterator
from sqreen_mw.middleware.wsgi_input import has_body, teed_input

with require_extra("django"):
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction
    from django.conf import settings
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class SqreenMiddleware:
    """Gives each request a context: ``request.sqreen``, used by ``sqreen_mw.track()``.

    Put it first in ``MIDDLEWARE``. Django's setting ``SQREEN`` is a dict with the keywords of the
    other middlewares, and overrides the ``SQREEN_*`` variables; ``"auth_signals": True`` tracks
    Django's logins, and ``"identify_users": True`` identifies ``request.user``. It is synchronous
    or asynchronous like the next handler, so no request moves to another thread.
    """

    sync_capable: ClassVar[bool] = True
    async_capable: ClassVar[bool] = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Wrap the next handler; Django creates one middleware per handler.

        Raises:
            ConfigurationError: A setting is wrong; the message names it and the fix.
        """
        given = _given_settings()
        track_logins(enabled=_flag(given, "auth_signals"))
        self._identifies_users: Final = _flag(given, "identify_users")
        self._agent: Final[ConfiguredAgent] = configure(given)  # type: ignore[arg-type]  # checked there
        header = self._agent.config.client_ip.header
        self._reported_headers: Final = reported_headers(header)
        self._ip_key: Final = environ_key(header)
        self._ignored: Final = self._agent.config.ignore_paths
        self._ignoring: Final = IgnoredPathAgent(self._agent)
        self._is_async: Final[bool] = iscoroutinefunction(get_response)
        if self._identifies_users:
            wrapper = _aget_response_and_user if self._is_async else _get_response_and_user
            get_response = partial(wrapper, get_response)
        self._get_response: Final = get_response
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Serve one request."""
        outer = shared_context(getattr(request, "scope", request.META))
        if outer is not None:
            self._attach(request, outer)
            return self._get_response(request)  # type: ignore[no-any-return]  # as Django's types
        context = self._new_context(request)
        self._attach(request, context)
        _tee(request, context)
        serve = self._serve_async if self._is_async else self._serve
        return serve(request, context)

    def _serve(self, request: HttpRequest, context: RequestContext) -> HttpResponseBase:
        token = set_current(context)
        try:
            response: HttpResponseBase = self._get_response(request)
        except BaseException as error:
            context.finish_crashed(error)
            raise
        finally:
            reset_current(token)
        _finish_with_response(response, context)
        return response

    async def _serve_async(self, request: HttpRequest, context: RequestContext) -> HttpResponseBase:
        token = set_current(context)
        try:
            response: HttpResponseBase = await self._get_response(request)
        except BaseException as error:
            context.finish_crashed(error)
            raise
        finally:
            reset_current(token)
        _finish_with_response(response, context)
        return response

    def _attach(self, request: Any, context: RequestContext) -> None:
        """Attach the context to the request, and route and user to the context."""
        request.sqreen = request.META[ENVIRON_KEY] = context
        context.dialect = DJANGO
        context.set_route_resolver(partial(_route, request))
        if self._identifies_users:
            identify_user(request, context)

    def _new_context(self, request: HttpRequest) -> RequestContext:
        self._agent.ensure_started()
        agent = self._ignoring if self._ignored and request.path in self._ignored else self._agent
        scope = getattr(request, "scope", None)
        if scope is not None:
            return asgi_request(scope, agent, self._reported_headers)
        context = wsgi_request(request.META, agent, self._ip_key)
        context.content_type = request.META.get("CONTENT_TYPE")
        # Django decodes the path differently.
        context.given_path = request.path
        return context


def _given_settings() -> dict[str, Any]:
    given = getattr(settings, "SQREEN", {})
    if not isinstance(given, Mapping):
        raise ConfigurationError("Django's setting SQREEN must be a dict, such as {'url': ...}")
    return dict(given)


def _flag(given: dict[str, Any], name: str) -> bool:
    """Remove a flag of this middleware from the settings, and return it."""
    value = given.pop(name, False)
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} in Django's SQREEN must be True or False")
    return value


def _get_response_and_user(get_response: Callable[[Any], Any], request: Any) -> Any:
    response = get_response(request)
    identify_user_at_end(request, request.sqreen)
    return response


async def _aget_response_and_user(get_response: Callable[[Any], Any], request: Any) -> Any:
    response = await get_response(request)
    await aidentify_user_at_end(request, request.sqreen)
    return response


def _route(request: Any) -> Route | None:
    match = request.resolver_match
    if match is None:
        return None
    # A template of path() has no slash at the beginning; a regular expression has "^".
    template = match.route if match.route.startswith("^") else f"/{match.route}"
    return template, _parameters(match, template)


def _parameters(match: Any, template: str) -> Mapping[str, object]:
    """Return the captured values of all patterns. Django keeps only those of the innermost one.

    The view's arguments contain the others, but also the app's defaults, which may hide one.
    """
    captured: Mapping[str, object] = match.captured_kwargs or {}
    if len(captured) == len(match.kwargs):
        return captured
    names = template_names(template) - (match.extra_kwargs or {}).keys()
    outer = {name: value for name, value in match.kwargs.items() if name in names}
    return {**outer, **captured}


def _tee(request: Any, context: RequestContext) -> None:
    """Copy what the app reads of the body. Django has not read it yet."""
    stream = getattr(request, "_stream", None)
    if stream is not None and has_body(request.META):
        tee = BodyTee()
        context.set_body(tee)
        request._stream = teed_input(stream, tee)  # noqa: SLF001 Django has no public attribute for it


def _finish_with_response(response: Any, context: RequestContext) -> None:
    """Finish the request: now, or at the end of a streaming response.

    A file response is not wrapped, because servers send files in their own way.
    """
    context.status = getattr(response, "status_code", None)
    streaming = getattr(response, "streaming", False)
    if not streaming or getattr(response, "file_to_stream", None) is not None:
        context.finish()
        return
    wrapper = AsyncContextIterator if response.is_async else ContextIterator
    # Django closes the iterator with the response.
    response.streaming_content = wrapper(response.streaming_content, context)
