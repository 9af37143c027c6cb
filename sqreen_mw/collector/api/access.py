"""Who may use the API: a token with the scope, or for reading, a person who is logged in."""

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from sqreen_mw.collector.api.problems import Problem
from sqreen_mw.collector.auth import bears_token, session_of, token_of
from sqreen_mw.collector.state.tokens import Token

_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="sqreen_mw"'}


async def token_with(request: Request, scope: str) -> Token:
    """Return the request's token.

    Raises:
        Problem: 401 without a valid token, 403 where it lacks the scope (RFC 6750, section 3.1).
    """
    token = await run_in_threadpool(token_of, request)
    if token is None:
        raise Problem(
            401,
            "a valid token is needed: send the header 'Authorization: Bearer sqm_...' with a "
            "token of 'sqreen-mw tokens create'",
            headers=_CHALLENGE,
        )
    if scope not in token.scopes:
        has = ", ".join(sorted(token.scopes))
        raise Problem(
            403,
            f"the token {token.name!r} has the scopes {has}, not {scope}: make one by "
            f"'sqreen-mw tokens create {token.app} --scope {scope}'",
            headers={"www-authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )
    return token


def check_app(token: Token, app: str | None, *, what: str) -> None:
    """See that what is sent is of the token's app.

    Raises:
        Problem: 403, it names another one.
    """
    if app not in {None, token.app}:
        raise Problem(
            403,
            f"the {what} is of the app {app!r}, the token of {token.app!r}: leave "
            f"'app' out of the {what}, or send the token of that app",
        )


async def readable_app(request: Request) -> str | None:
    """Return the only app whose events the request may read, or None where it may read all.

    Raises:
        Problem: 401 without a token or a session, 403 where the token lacks the scope.
    """
    if not bears_token(request) and await run_in_threadpool(session_of, request) is not None:
        return None
    return (await token_with(request, "query")).app
