"""Login by password or one-time link, and logout."""

import time
from functools import partial
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.client_address import client_network
from sqreen_mw.collector.dashboard.login.password_queue import PasswordQueue, QueueFullError
from sqreen_mw.collector.dashboard.login.throttle import LoginThrottle
from sqreen_mw.collector.dashboard.web.forms import posted_form
from sqreen_mw.collector.dashboard.web.local_path import local_path
from sqreen_mw.collector.dashboard.web.page_context import PageContext
from sqreen_mw.collector.dashboard.web.rendering import render
from sqreen_mw.collector.operation_log import (
    log_failed_sign_in,
    log_paused_sign_in,
    log_sign_in,
)
from sqreen_mw.collector.state.sessions import SESSION_LIFETIME
from sqreen_mw.collector.state.users import User

_LOGIN_FAILED: Final = "Wrong name or password."
_LINK_USED: Final = (
    "This link was already used or has expired. Ask for a new one: run "
    "“sqreen-mw users link NAME” on the collector's machine."
)
_BUSY_SECONDS: Final = 5

_throttle: Final = LoginThrottle()
_password_queue: Final = PasswordQueue()


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
    network = client_network(page.client)
    wait = _throttle.wait(network, name, now=time.monotonic())
    if wait:
        log_paused_sign_in(page.client, wait)
        return _try_later(page, target=target, name=name, wait=wait)
    check = partial(page.services.state.users.authenticate, name, form.get("password", ""))
    try:
        user = await _password_queue.run(check, client=network)
    except QueueFullError:
        return _try_later(page, target=target, name=name, wait=_BUSY_SECONDS)
    if user is None:
        _throttle.failed(network, name, now=time.monotonic())
        known = await run_in_threadpool(page.services.state.users.by_name, name)
        log_failed_sign_in(None if known is None else known.name, page.client)
        return _form(page, target=target, name=name, error=_LOGIN_FAILED, status=401)
    _throttle.succeeded(network, name)
    log_sign_in(user.name, page.client, way="password")
    return await _logged_in(page, user, target)


async def login_link(page: PageContext) -> Response:
    """Show the button of a one-time link. Opening the link does not use it up.

    Mail scanners and link previews open links, but they send no forms.
    """
    secret, target = _link(page)
    user = await run_in_threadpool(page.services.state.sessions.user_of_link, secret)
    if user is not None:
        return render(page, "login/link.html", {"name": user.name})
    return _unusable_link(page, target)


async def login_once(page: PageContext) -> Response:
    """Open a session by a one-time link."""
    secret, target = _link(page)
    user = await run_in_threadpool(page.services.state.sessions.redeem_link, secret)
    if user is None:
        return _unusable_link(page, target)
    log_sign_in(user.name, page.client, way="link")
    return await _logged_in(page, user, target)


def _link(page: PageContext) -> tuple[str, str]:
    query = page.request.query_params
    return query.get("token", ""), local_path(query.get("next", ""))


def _unusable_link(page: PageContext, target: str) -> Response:
    if page.session is not None:
        return RedirectResponse(page.base + target, 303)
    values = {"title": "This link no longer works", "text": _LINK_USED, "may_retry": False}
    return render(page, "web/message.html", values, status=410)


async def logout(page: PageContext) -> Response:
    """Close the session in the collector and delete the cookie."""
    await run_in_threadpool(page.services.state.sessions.close, page.cookie)
    response = RedirectResponse(f"{page.base}/login", 303)
    response.delete_cookie(SESSION_COOKIE, path=page.base or "/")
    return response


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


def _try_later(page: PageContext, *, target: str, name: str, wait: int) -> Response:
    error = f"Too many attempts. Wait {wait} seconds, then try again."
    response = _form(page, target=target, name=name, error=error, status=429)
    response.headers["retry-after"] = str(wait)
    return response


def _form(
    page: PageContext, *, target: str, name: str = "", error: str = "", status: int = 200
) -> Response:
    values = {"next": target, "name": name, "error": error}
    return render(page, "login/login.html", values, status=status)
