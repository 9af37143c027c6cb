"""Sends requests to the site with Django's test clients."""

import asyncio
import os
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.signals import user_logged_in
from django.core.management import call_command
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, AsyncRequestFactory, Client, RequestFactory, override_settings

from sqreen_mw.middleware.django import SqreenMiddleware
from tests.middleware.django_site import counted_sessions, views

__all__ = [
    "ASYNCHRONOUS",
    "OURS",
    "SYNCHRONOUS",
    "AsyncRequestFactory",
    "HttpRequest",
    "HttpResponse",
    "RequestFactory",
    "SqreenMiddleware",
    "ask",
    "authenticate",
    "create_user",
    "database",
    "delete_users",
    "override_settings",
    "user_logged_in",
    "views",
    "visit_as",
]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.middleware.django_site.settings")
django.setup()

OURS = "sqreen_mw.middleware.django.SqreenMiddleware"
SYNCHRONOUS = "tests.middleware.django_site.middleware.synchronous"
ASYNCHRONOUS = "tests.middleware.django_site.middleware.asynchronous"


def ask(
    mode: str,
    path: str,
    data: object = None,
    *,
    middleware: Sequence[str] = tuple(settings.MIDDLEWARE),
    **options: Any,
) -> tuple[int, bytes]:
    """Request a path, and return the status and the response.

    Args:
        mode: ``wsgi`` or ``asgi``.
        path: With the query.
        data: The body, like the argument of Django's client.
        middleware: Those of the site.
        options: What else Django's client takes.
    """
    verb = "get" if data is None else "post"
    with override_settings(MIDDLEWARE=list(middleware)):
        if mode == "asgi":
            return asyncio.run(_ask_async(verb, path, data, options))
        client = Client(raise_request_exception=False)
        response: Any = getattr(client, verb)(path, data, **options)
        return response.status_code, b"".join(response)


async def _ask_async(
    verb: str, path: str, data: object, options: dict[str, Any]
) -> tuple[int, bytes]:
    client = AsyncClient(raise_request_exception=False)
    # The test client of Django 5.0 and 5.1 ignores its headers argument.
    fields = options.pop("headers", {})
    response: Any = await getattr(client, verb)(path, data, **options, **fields)
    if not response.streaming:
        return response.status_code, response.content
    if not response.is_async:
        return response.status_code, b"".join(response)
    return response.status_code, b"".join([part async for part in response.streaming_content])


@contextmanager
def database(path: Path) -> Iterator[None]:
    """Give the site a database while the context lasts."""
    connections.settings["default"]["NAME"] = str(path)
    connections["default"].close()
    connections["default"].settings_dict["NAME"] = str(path)
    call_command("migrate", verbosity=0)
    try:
        yield
    finally:
        connections.close_all()
        asyncio.run(sync_to_async(connections.close_all)())  # the thread of sync code below ASGI


def visit_as(
    mode: str, path: str, username: str | None, *, deletes: bool = False, **fields: Any
) -> tuple[Any, int]:
    """Request a path with the session of a user, and count the loads of the session.

    A session is loaded before its user. Queries of other threads are hard to count.

    Args:
        mode: ``wsgi`` or ``asgi``.
        path: With the query.
        username: The user, or None for a visitor without a session.
        deletes: Whether to delete the user before the request.
        fields: More of the environ, such as ``HTTP_AUTHORIZATION``.
    """
    client = AsyncClient() if mode == "asgi" else Client()
    if username is not None:
        model: Any = get_user_model()
        user = model.objects.get(username=username)
        client.force_login(user)
        if deletes:
            user.delete()
    counted_sessions.loads.clear()
    response: Any = client.get(path, **fields)
    if mode == "asgi":
        response = asyncio.run(_wait_for(response))
    return response, len(counted_sessions.loads)


async def _wait_for(response: Awaitable[Any]) -> Any:
    return await response


def delete_users() -> None:
    """Delete all users."""
    model: Any = get_user_model()
    model.objects.all().delete()


def create_user(*, username: str, password: str) -> None:
    """Create a user."""
    model: Any = get_user_model()
    model.objects.create_user(username=username, password=password)
