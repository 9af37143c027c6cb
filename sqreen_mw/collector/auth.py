"""Identify the actor of a request: a bearer token, or a user with a session.

The connection of a request counts for its token or user, or for its client's address.
"""

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from sqreen_mw.collector.client_address import client_address, client_network
from sqreen_mw.collector.connection_limits import Holder
from sqreen_mw.collector.operation_log import log_refused_token
from sqreen_mw.collector.permissions import Actor, Visitor
from sqreen_mw.collector.services import services_of
from sqreen_mw.collector.state.sessions import Session
from sqreen_mw.protocol.address import canonical_address

SESSION_COOKIE: Final = "sqreen_session"
"""The cookie with a session's secret."""

_MAX_SECRET_LENGTH: Final = 256


async def identify(request: Request) -> Actor:
    """Return the actor of an API request. A request with a bearer token never uses its session.

    Raises:
        HTTPException: 429 if the client has too many connections.
    """
    secret = _bearer_secret(request)
    if secret is None:
        session = await identify_session(request)
        return Visitor() if session is None else session.user
    _hold_for_address(request)
    tokens = services_of(request).state.tokens
    token = await run_in_threadpool(tokens.verify, secret)
    if token is None:
        log_refused_token(secret, _address(request))
        return Visitor()
    _own(request, Holder("token", token.id))
    return token


async def identify_session(request: Request) -> Session | None:
    """Return the session of a request's cookie, or None if it is missing or not valid.

    Raises:
        HTTPException: 429 if the client has too many connections.
    """
    _hold_for_address(request)
    secret = request.cookies.get(SESSION_COOKIE, "")
    if not secret or len(secret) > _MAX_SECRET_LENGTH:
        return None
    session = await run_in_threadpool(services_of(request).state.sessions.find, secret)
    if session is not None:
        _own(request, Holder("user", str(session.user.id)))
    return session


def client_of(request: Request) -> Holder:
    """Return the identified token or user of a request, or its client's address."""
    owner: Holder | None = getattr(request.state, "owner", None)
    return owner or Holder("address", client_network(_address(request)))


def _bearer_secret(request: Request) -> str | None:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


def _own(request: Request, owner: Holder) -> None:
    request.state.owner = owner
    _hold(request, owner)


def _hold_for_address(request: Request) -> None:
    address = _address(request)
    # A direct connection counts for its address already, or for a token that it has shown.
    if request.client and address != canonical_address(request.client.host):
        _hold(request, Holder("address", client_network(address)))


def _address(request: Request) -> str:
    return client_address(request, services_of(request).settings.client_ip)


def _hold(request: Request, holder: Holder) -> None:
    connections, peer = services_of(request).connections, request.client
    if peer and not connections.hold((peer.host, peer.port), holder):
        raise HTTPException(
            429,
            f"your {holder.kind} has too many open connections: close some, or use them again",
            headers={"retry-after": "5", "connection": "close"},
        )
