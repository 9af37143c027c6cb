"""Identify the actor of a request: a bearer token, or a user with a session.

Both functions read the state database: call them with ``run_in_threadpool`` in coroutines.
"""

from typing import Final

from starlette.requests import Request

from sqreen_mw.collector.permissions import Actor, Visitor
from sqreen_mw.collector.services import services_of
from sqreen_mw.collector.state.sessions import Session

SESSION_COOKIE: Final = "sqreen_session"
"""The cookie with a session's secret."""

_MAX_SECRET_LENGTH: Final = 256


def actor_of(request: Request) -> Actor:
    """Return the actor of an API request. A request with a bearer token never uses its session."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return services_of(request).state.tokens.verify(secret.strip()) or Visitor()
    session = session_of(request)
    return Visitor() if session is None else session.user


def session_of(request: Request) -> Session | None:
    """Return the session of a request's cookie, or None if it is missing or not valid."""
    secret = request.cookies.get(SESSION_COOKIE, "")
    if not secret or len(secret) > _MAX_SECRET_LENGTH:
        return None
    return services_of(request).state.sessions.find(secret)
