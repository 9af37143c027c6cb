"""Dependencies of API routes that check permissions."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from sqreen_mw.collector.api.problems import ProblemError
from sqreen_mw.collector.auth import identify
from sqreen_mw.collector.operation_log import log_missing_scope
from sqreen_mw.collector.permissions import ALL_APPS, Action, Actor, may, scope_for
from sqreen_mw.collector.state.apps import DEFAULT_APP, MAX_CREATED_APPS, Apps
from sqreen_mw.collector.state.tokens import Token
from sqreen_mw.errors import RefusedError, TooManyAppsError

_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="sqreen_mw"'}


@dataclass(frozen=True)
class TokenFor:
    """Require a token that allows an action, and return the token."""

    action: Action

    async def __call__(self, request: Request) -> Token:
        """Return the token.

        Raises:
            ProblemError: 401 without a valid token, 403 if its scopes do not allow the action.
        """
        return _token(await identify(request), self.action)


@dataclass(frozen=True)
class ReadableApp:
    """Require a token or a session that allows an action, and return the readable app."""

    action: Action

    async def __call__(self, request: Request) -> str | None:
        """Return the only readable app, or None if all apps are readable.

        Raises:
            ProblemError: 401 without a valid token or session, 403 if the scopes are missing.
        """
        actor = await identify(request)
        return None if may(actor, self.action, ALL_APPS) else _token(actor, self.action).app


def app_to_read(only_app: str | None, app: str | None) -> str | None:
    """Return the app to read: the only readable one, else the named one. None means all apps.

    Raises:
        ProblemError: 403 if the request names another app than the readable one.
    """
    if only_app is not None and app not in {None, "", only_app}:
        raise ProblemError(
            403,
            f"the request is for the app {app!r}, but the token is for {only_app!r}: leave 'app' "
            "(SQREEN_APP_NAME) out, or use a token of that app",
        )
    return only_app or app


def app_of(token: Token, action: Action, named: str | None, *, apps: Apps) -> str:
    """Return the app of a batch or heartbeat that may name one.

    The first use of an organization token for an app creates the app.

    Raises:
        ProblemError: 403 if it is not the token's app, or if there are too many apps.
    """
    if token.app is None:
        return _created_on_first_use(named, apps)
    check_app(token, action, named)
    return token.app


def _created_on_first_use(named: str | None, apps: Apps) -> str:
    try:
        return apps.ensure(named or DEFAULT_APP, most=MAX_CREATED_APPS).name
    except TooManyAppsError as error:
        raise ProblemError(403, str(error), code="too_many_apps") from error
    except RefusedError as error:
        raise ProblemError(403, str(error), code="invalid_app") from error


def check_app(token: Token, action: Action, app: str | None) -> None:
    """Check the app that a request with a token names.

    Raises:
        ProblemError: 403 if it is not the token's app.
    """
    if app is not None and not may(token, action, app):
        raise ProblemError(
            403,
            f"the request is for the app {app!r}, but the token is for {token.app!r}: leave 'app' "
            "(SQREEN_APP_NAME) out, or send a token of that app",
        )


def _token(actor: Actor, action: Action) -> Token:
    if not isinstance(actor, Token):
        raise ProblemError(
            401,
            "a valid token is required: create one with 'sqreen-mw tokens create APP', and send it "
            "as a bearer token",
            headers=_CHALLENGE,
        )
    if not may(actor, action, actor.app or ALL_APPS):
        scopes, scope = ", ".join(sorted(actor.scopes)), scope_for(action)
        log_missing_scope(actor.id, scope)
        raise ProblemError(
            403,
            f"the token {actor.name!r} has the scopes {scopes}, not {scope}: create one with "
            f"'sqreen-mw tokens create {actor.app or 'APP'} --scope {scope}'",
            headers={"www-authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )
    return actor
