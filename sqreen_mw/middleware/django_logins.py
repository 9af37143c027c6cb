"""Tracks the logins of Django's authentication, such as those of the admin."""

from collections.abc import Mapping
from typing import Any

from sqreen_mw.agent.api import auth_track
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.middleware.optional import require_extra

with require_extra("django"):
    from django.contrib.auth import get_user_model
    from django.contrib.auth.signals import user_logged_in, user_login_failed


def track_logins(*, enabled: bool) -> None:
    """Start or stop tracking successful and failed logins.

    Both have the identifier ``username``: the value of the user model's ``USERNAME_FIELD``, even
    if that is an email address.
    """
    for signal, receiver in ((user_logged_in, _succeeded), (user_login_failed, _failed)):
        if enabled:
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
