"""Login by password or one-time link, and logout."""

import time
from typing import Final

import anyio
from anyio.to_thread import run_sync
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.dashboard.login.throttle import Throttle
from sqreen_mw.collector.dashboard.web.context import PageContext
from sqreen_mw.collector.dashboard.web.forms import posted_form
from sqreen_mw.collector.dashboard.web.rendering import render
from sqreen_mw.collector.state.sessions import SESSION_LIFETIME
from sqreen_mw.collector.state.users import User

_LOGIN_FAILED: Final = "Wrong name or password."
_LINK_USED: Final = (
    "This link was already used or has expired. Ask for a new one: run "
    "“sqreen-mw users link NAME” on the collector's machine."
)
_by_account: Final = Throttle(limit=5, window=60)
_by_peer: Final = Throttle(limit=30, window=60)
# Argon2 uses 64 MiB and one core per password. Two at a time leave room for ingest.
_password_checks: Final = anyio.CapacityLimiter(2)


async def login_form(page: PageContext) -> Response:
    """Show the login form. A visitor with a session is redirected."""
    target = local_path(page.request.query_params.get("next", ""))
    if page.session is not None:
        return RedirectResponse(page.base + target, 303)
    return _form(page, target=target)


async def login(page: PageContext) -> Response:
    """Open a session if name and password match. The error does not reveal valid names."""
    form = await posted_form(page.request)
    name, target = form.get("name", "").strip(), local_path(form.get("next", ""))
    peer = page.request.client.host if page.request.client else ""
    account, now = (peer, name.casefold()), time.monotonic()
    wait = max(_by_account.wait(account, now=now), _by_peer.wait(peer, now=now))
    if wait:
        error = f"Too many attempts. Wait {wait} seconds, then try again."
        response = _form(page, target=target, name=name, error=error, status=429)
        response.headers["retry-after"] = str(wait)
        return response
    # Count the attempt before the check, so that parallel attempts cannot exceed the limit.
    _by_account.failed(account, now=now)
    _by_peer.failed(peer, now=now)
    users = page.services.state.users
    user = await run_sync(
        users.authenticate, name, form.get("password", ""), limiter=_password_checks
    )
    if user is None:
        return _form(page, target=target, name=name, error=_LOGIN_FAILED, status=401)
    _by_account.succeeded(account)
    # Forgive this attempt only. Otherwise an attacker could reset the limit with a valid account.
    _by_peer.forgive(peer, at=now)
    return await _logged_in(page, user, target)


async def login_once(page: PageContext) -> Response:
    """Open a session by a one-time link."""
    if page.request.method == "HEAD":
        raise HTTPException(405)  # A link preview must not use up the link.
    query = page.request.query_params
    token, target = query.get("token", ""), local_path(query.get("next", ""))
    user = await run_in_threadpool(page.services.state.sessions.redeem_link, token)
    if user is None and page.session is not None:
        return RedirectResponse(page.base + target, 303)
    if user is None:
        values = {"title": "This link no longer works", "text": _LINK_USED, "status": 410}
        return render(page, "web/message.html", values, status=410)
    return await _logged_in(page, user, target)


async def logout(page: PageContext) -> Response:
    """Close the session in the collector and delete the cookie."""
    await run_in_threadpool(page.services.state.sessions.close, page.cookie)
    response = RedirectResponse(f"{page.base}/login", 303)
    response.delete_cookie(SESSION_COOKIE, path=page.base or "/")
    return response


def local_path(text: str) -> str:
    """Return the path to open after the login. An address outside the collector is replaced."""
    is_local = text.startswith("/") and not text.startswith("//")
    return text if is_local and text.isprintable() and "\\" not in text else "/events"


async def _logged_in(page: PageContext, user: User, target: str) -> Response:
    sessions = page.services.state.sessions
    if page.session is not None:
        await run_in_threadpool(sessions.close, page.cookie)
    secret = await run_in_threadpool(sessions.open, user)
    response = RedirectResponse(page.base + target, 303)
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=SESSION_LIFETIME // 1000,
        path=page.base or "/",
        secure=page.is_https,
        httponly=True,
        samesite="lax",
    )
    return response


def _form(
    page: PageContext, *, target: str, name: str = "", error: str = "", status: int = 200
) -> Response:
    values = {"next": target, "name": name, "error": error}
    return render(page, "login/login.html", values, status=status)
