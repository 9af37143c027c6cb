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
            _identify(context, getattr(request, "user", None))


async def aidentify_user_at_end(request: Any, context: RequestContext) -> None:
    """Do the same in an event loop."""
    if not _still_lacks_user(context):
        return
    load = getattr(request, "auser", None) or sync_to_async(partial(getattr, request, "user", None))
    with suppress_app_errors:
        _identify(context, await load())


def _still_lacks_user(context: RequestContext) -> bool:
    context.user_resolver = None
    return context.lacks_user and context.identity is None


def _identify(context: RequestContext, user: Any) -> None:
    identifiers = None if user is None else _identifiers(user)
    if identifiers is not None:
        context.identify(identifiers)


def _user(request: Any) -> Mapping[str, Any] | None:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES and (
        "HTTP_AUTHORIZATION" not in request.META
    ):
        return None
    user = getattr(request, "user", None)
    if user is None or (isinstance(user, LazyObject) and _is_in_event_loop()):
        return UNKNOWN_YET  # before Django's own middleware, or where it must not query
    return _identifiers(user)


def _identifiers(user: Any) -> Mapping[str, Any] | None:
    return {"username": user.get_username()} if user.is_authenticated else None


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
