"""Signing in, by password or by a link that works once, and out."""

import time
from typing import Final

import anyio
from anyio.to_thread import run_sync
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.dashboard.forms import posted_form
from sqreen_mw.collector.dashboard.rendering import rendered
from sqreen_mw.collector.dashboard.throttle import Throttle
from sqreen_mw.collector.dashboard.visit import Visit
from sqreen_mw.collector.state.sessions import SESSION_LIFETIME
from sqreen_mw.collector.state.users import User

_WRONG: Final = "That name and password do not match."
_USED: Final = (
    "This link was used already, or its time is over. Ask for a new one with "
    "“sqreen-mw users link NAME” on the collector's machine."
)
_by_account: Final = Throttle(limit=5, window=60)
_by_peer: Final = Throttle(limit=30, window=60)
# Argon2 takes 64 MiB and a core for each password: two at a time leave room for ingest.
_checks: Final = anyio.CapacityLimiter(2)


async def login_page(visit: Visit) -> Response:
    """Show the form, or go on if there is nothing to sign in for."""
    target = local_path(visit.request.query_params.get("next", ""))
    if visit.session is not None:
        return RedirectResponse(visit.base + target, 303)
    return _form(visit, target=target)


async def sign_in(visit: Visit) -> Response:
    """Open a session for the right name and password; all wrong ones look the same."""
    form = await posted_form(visit.request)
    name, target = form.get("name", "").strip(), local_path(form.get("next", ""))
    peer = visit.request.client.host if visit.request.client else ""
    account, now = (peer, name.casefold()), time.monotonic()
    wait = max(_by_account.wait(account, now=now), _by_peer.wait(peer, now=now))
    if wait:
        fault = f"Too many attempts. Wait {wait} seconds, then try again."
        response = _form(visit, target=target, name=name, fault=fault, status=429)
        response.headers["retry-after"] = str(wait)
        return response
    # Counted before the check, so that many at once do not slip through together.
    _by_account.failed(account, now=now)
    _by_peer.failed(peer, now=now)
    users = visit.services.state.users
    user = await run_sync(users.authenticate, name, form.get("password", ""), limiter=_checks)
    if user is None:
        return _form(visit, target=target, name=name, fault=_WRONG, status=401)
    _by_account.succeeded(account)
    # Only this attempt: else a guesser's own account would buy more guesses at the others.
    _by_peer.forgive(peer, at=now)
    return await _signed_in(visit, user, target)


async def sign_in_once(visit: Visit) -> Response:
    """Open a session by a link; it is used up by this."""
    if visit.request.method == "HEAD":
        raise HTTPException(405)  # A look at the link must not use it up.
    query = visit.request.query_params
    token, target = query.get("token", ""), local_path(query.get("next", ""))
    user = await run_in_threadpool(visit.services.state.sessions.redeem_link, token)
    if user is None and visit.session is not None:
        return RedirectResponse(visit.base + target, 303)
    if user is None:
        context = {"title": "This link no longer works", "text": _USED, "status": 410}
        return rendered(visit, "message.html", status=410, context=context)
    return await _signed_in(visit, user, target)


async def sign_out(visit: Visit) -> Response:
    """End the session, in the collector too."""
    await run_in_threadpool(visit.services.state.sessions.close, visit.cookie)
    response = RedirectResponse(f"{visit.base}/login", 303)
    response.delete_cookie(SESSION_COOKIE, path=visit.base or "/")
    return response


def local_path(text: str) -> str:
    """Return a path of ours to go on to: anything else becomes the Explorer."""
    is_ours = text.startswith("/") and not text.startswith("//")
    return text if is_ours and text.isprintable() and "\\" not in text else "/events"


async def _signed_in(visit: Visit, user: User, target: str) -> Response:
    sessions = visit.services.state.sessions
    if visit.session is not None:
        await run_in_threadpool(sessions.close, visit.cookie)
    secret = await run_in_threadpool(sessions.open, user)
    response = RedirectResponse(visit.base + target, 303)
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=SESSION_LIFETIME // 1000,
        path=visit.base or "/",
        secure=visit.is_https,
        httponly=True,
        samesite="lax",
    )
    return response


def _form(
    visit: Visit, *, target: str, name: str = "", fault: str = "", status: int = 200
) -> Response:
    context = {"next": target, "name": name, "fault": fault}
    return rendered(visit, "login.html", status=status, context=context)
