"""Turn a page handler into an ASGI application with sessions, CSRF checks and error pages."""

from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from sqreen_mw.collector.auth import identify_session
from sqreen_mw.collector.dashboard.web.csrf import FIELD, is_cross_site, is_csrf_token
from sqreen_mw.collector.dashboard.web.forms import posted_form
from sqreen_mw.collector.dashboard.web.page_context import Handler, PageContext
from sqreen_mw.collector.dashboard.web.rendering import render, sentence
from sqreen_mw.collector.dashboard.web.security_headers import secure
from sqreen_mw.collector.operation_log import log_store_error
from sqreen_mw.collector.permissions import ALL_APPS, Action, Visitor, may
from sqreen_mw.errors import StoreError

_ERRORS: Final = {
    400: ("Bad request", "The address or the form is not valid."),
    403: ("Not allowed", "Your role does not allow this. Ask an admin for another role."),
    404: ("Page not found", "This page does not exist or was deleted."),
    405: ("Method not allowed", "This address does not accept this kind of request."),
    413: ("Form too large", "The form is larger than the collector accepts."),
    415: ("Unsupported form", "Send forms as application/x-www-form-urlencoded."),
    429: ("Too many requests", "Wait a moment, then try again."),
    500: (
        "The collector failed",
        "The collector's log contains the error. No event was lost: you can safely try again.",
    ),
    503: ("The store does not answer", "Wait a moment, then reload the page."),
}


_MAY_RETRY: Final = frozenset({429, 500, 503})


class PageEndpoint:
    """An ASGI application around a handler. ``action`` is the permission that the page needs."""

    def __init__(self, handler: Handler, *, action: Action) -> None:
        self._handler = handler
        self.action = action
        self._is_public = may(Visitor(), action, ALL_APPS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send)
        response = await self._answer(request)
        secure(response)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        page = request.state.page = PageContext(request, None)
        try:
            page = request.state.page = PageContext(request, await identify_session(request))
            if request.method == "POST":
                await self._reject_forged(page)
            if not page.may(self.action):
                return _denied(page)
            return await self._handler(page)
        except HTTPException as error:
            response = error_page(page, error.status_code, error.detail)
            response.headers.update(error.headers or {})
            return response
        except StoreError as error:
            log_store_error(error)
            return error_page(page, 503, str(error))

    async def _reject_forged(self, page: PageContext) -> None:
        if is_cross_site(page.request, page.services.settings.public_url):
            raise HTTPException(403, "The form was sent from another site and was rejected.")
        if self._is_public:
            return
        form = await posted_form(page.request)
        if page.session is not None and not is_csrf_token(
            form.get(FIELD, ""), cookie=page.cookie, session_id=page.session.id
        ):
            raise HTTPException(403, "The form is out of date. Reload the page and try again.")


def failed_page(request: Request) -> Response | None:
    """Return the page about an unexpected error, or None if the request was not for a page."""
    page = getattr(request.state, "page", None)
    if page is None:
        return None
    response = error_page(page, 500, "")
    secure(response)
    return response


def error_page(page: PageContext, status: int, detail: str) -> Response:
    """Return a page that explains an error and suggests a next step."""
    title, advice = _ERRORS.get(status, ("This did not work", "Go back and try again."))
    standard = HTTPException(status).detail
    text = advice if detail in {"", standard} else detail
    may_retry = status in _MAY_RETRY and page.request.method == "GET"
    values = {"title": title, "text": sentence(text), "may_retry": may_retry}
    return render(page, "web/message.html", values, status=status)


def _denied(page: PageContext) -> Response:
    if page.session is not None:
        return error_page(page, 403, "")
    request = page.request
    if request.method != "GET" or "text/event-stream" in request.headers.get("accept", ""):
        return error_page(page, 401, "You are signed out. Sign in, then try again.")
    target = request.url.path.removeprefix(page.base) or "/"
    query = f"?{request.url.query}" if request.url.query else ""
    next_page = "" if target == "/" else "?next=" + quote(target + query, safe="")
    return RedirectResponse(f"{page.base}/login{next_page}", 303)
