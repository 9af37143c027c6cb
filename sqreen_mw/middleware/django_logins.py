"""Django's own logins as events: the admin's, and those of whatever asks its backends."""

from collections.abc import Mapping
from typing import Any

from sqreen_mw.agent.api import auth_track
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.middleware.optional import extra

with extra("django"):
    from django.contrib.auth import get_user_model
    from django.contrib.auth.signals import user_logged_in, user_login_failed


def follow_logins(*, wanted: bool) -> None:
    """Track each login, good or not, from now on, or no longer.

    Both are told under one identifier, ``username``: what Django's user model names so
    (``USERNAME_FIELD``), even where it is an email address.
    """
    for signal, receiver in ((user_logged_in, _succeeded), (user_login_failed, _failed)):
        if wanted:
            signal.connect(receiver)
        else:
            signal.disconnect(receiver)


def _succeeded(*, user: Any, **_: Any) -> None:
    username = None
    with suppress_app_errors:  # the user model is the app's
        username = user.get_username()
    _track(username, success=True)


def _failed(*, credentials: Mapping[str, Any], **_: Any) -> None:
    field = str(get_user_model().USERNAME_FIELD)
    _track(credentials.get(field, credentials.get("username")), success=False)


def _track(username: Any, *, success: bool) -> None:
    auth_track(success, {"username": username})
