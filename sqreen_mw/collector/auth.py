"""Who is asking: a client with a bearer token, or a person with a session.

Both ask the state store, so call them by ``run_in_threadpool`` from a coroutine.
"""

from typing import Final

from starlette.requests import Request

from sqreen_mw.collector.services import services_of
from sqreen_mw.collector.state.sessions import Session
from sqreen_mw.collector.state.tokens import Token

SESSION_COOKIE: Final = "sqreen_session"
"""Name of the cookie that holds a session's secret."""

_MAX_SECRET_LENGTH: Final = 256


def bears_token(request: Request) -> bool:
    """Tell whether a request shows a bearer token, a good one or not (RFC 6750, section 2.1)."""
    return _bearer(request) is not None


def token_of(request: Request) -> Token | None:
    """Return the token that a request shows, or None where it shows none that is valid."""
    secret = _bearer(request)
    return services_of(request).state.tokens.verify(secret) if secret else None


def session_of(request: Request) -> Session | None:
    """Return the session of a request's cookie, or None where it has none that is valid."""
    secret = request.cookies.get(SESSION_COOKIE, "")
    if not secret or len(secret) > _MAX_SECRET_LENGTH:
        return None
    return services_of(request).state.sessions.find(secret)


def _bearer(request: Request) -> str | None:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None
