"""Identifies the users of Flask-Login, and tracks their logins."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqreen_mw.agent.api import auth_track
from sqreen_mw.agent.context import UNKNOWN_YET, RequestContext
from sqreen_mw.agent.requests.lookup import ENVIRON_KEY
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.middleware.optional import require_extra

with require_extra("flask"):
    from flask import Flask, has_request_context, request
with require_extra("flask_login", package="Flask-Login"):
    from flask_login import COOKIE_NAME, current_user, user_logged_in


def follow_flask_login(app: Flask) -> None:
    """Track the logins of an app, and identify the user of each request that needs one.

    The identifier is ``id``, with the result of the user's ``get_id()``.
    """
    user_logged_in.connect(_track_login, app)
    app.url_value_preprocessors[None].insert(0, partial(_set_resolver, app))


def _track_login(_: Flask, *, user: Any, **__: Any) -> None:
    identifiers: dict[str, Any] = {}
    with suppress_app_errors:  # the user class is the app's
        identifiers = {"id": user.get_id()}
    auth_track(True, identifiers)  # noqa: FBT003 the public call


def _set_resolver(app: Flask, *_: object) -> None:
    context = request.environ.get(ENVIRON_KEY)
    if isinstance(context, RequestContext):
        context.set_user_resolver(partial(_user, app, context))


def _user(app: Flask, context: RequestContext) -> Mapping[str, Any] | None:
    """Return the identifiers of the current user; Flask-Login may load it here."""
    if not has_request_context() or request.environ.get(ENVIRON_KEY) is not context:
        return UNKNOWN_YET  # another thread uses the context
    if not _carries_a_session(app):
        return None
    return {"id": current_user.get_id()} if current_user.is_authenticated else None


def _carries_a_session(app: Flask) -> bool:
    remember = app.config.get("REMEMBER_COOKIE_NAME", COOKIE_NAME)
    names = {app.config["SESSION_COOKIE_NAME"], remember}
    return not names.isdisjoint(request.cookies) or "Authorization" in request.headers
