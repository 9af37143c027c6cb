"""Identifies the users of Django's authentication."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqreen_mw.agent.context import UNKNOWN_YET, RequestContext
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.middleware.optional import require_extra

with require_extra("django"):
    from asgiref.sync import sync_to_async
    from django.conf import settings
    from django.utils.functional import LazyObject


def identify_user(request: Any, context: RequestContext) -> None:
    """Identify the user of a request at its first event that needs one.

    The identifier is ``username``, as in the events of logins.
    """
    context.set_user_resolver(partial(_user, request))


def identify_user_at_end(request: Any, context: RequestContext) -> None:
    """Identify the user for events of async code, which cannot load a user when it tracks."""
    if _still_lacks_user(context):
        with suppress_app_errors:
            _identify(context, _identifiers(getattr(request, "user", None)))


async def aidentify_user_at_end(request: Any, context: RequestContext) -> None:
    """Do the same in an event loop."""
    if _still_lacks_user(context):
        with suppress_app_errors:
            _identify(context, await _load_identifiers(request))


def _still_lacks_user(context: RequestContext) -> bool:
    context.user_resolver = None
    return context.lacks_user and context.identity is None


def _identify(context: RequestContext, identifiers: Mapping[str, Any] | None) -> None:
    if identifiers is not None:
        context.identify(identifiers)


async def _load_identifiers(request: Any) -> Mapping[str, Any] | None:
    user = getattr(request, "user", None)
    if not isinstance(user, LazyObject):
        return _identifiers(user)
    if hasattr(request, "auser"):
        return _identifiers(await request.auser())
    return await sync_to_async(_identifiers)(user)  # Django 4.2


def _user(request: Any) -> Mapping[str, Any] | None:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES and (
        "HTTP_AUTHORIZATION" not in request.META
    ):
        return None
    user = getattr(request, "user", None)
    if user is None or (isinstance(user, LazyObject) and _is_in_event_loop()):
        return UNKNOWN_YET  # Django's own middleware comes later, or an event loop must not query
    return _identifiers(user)


def _identifiers(user: Any) -> Mapping[str, Any] | None:
    if user is None or not user.is_authenticated:
        return None
    return {"username": user.get_username()}


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
