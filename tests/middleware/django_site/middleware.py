"""Middlewares that support only one mode."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware, sync_only_middleware

import sqreen_mw as sqreen


@sync_only_middleware
def synchronous(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    """Track after the view, in a thread if necessary."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        sqreen.track("synchronous")
        return response

    return middleware


@async_only_middleware
def asynchronous(get_response: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> object:
    """Track after the view, on an event loop."""

    async def middleware(request: HttpRequest) -> HttpResponse:
        response = await get_response(request)
        sqreen.track("asynchronous")
        return response

    return middleware


class Bearer:
    """A user without a database."""

    is_authenticated = True

    def __init__(self, name: str) -> None:
        self._name = name

    def get_username(self) -> str:
        """Return the name."""
        return self._name


def by_header(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    """Authenticate by a header, after an event."""

    def middleware(request: HttpRequest) -> HttpResponse:
        sqreen.track("early")
        user: Any = Bearer(request.META["HTTP_AUTHORIZATION"].removeprefix("Bearer "))
        request.user = user
        return get_response(request)

    return middleware
