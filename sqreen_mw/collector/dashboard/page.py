"""What every page has: a session, refusal of forged forms, errors in its own design, headers."""

import logging
from typing import Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from sqreen_mw.collector.auth import session_of
from sqreen_mw.collector.dashboard.csp import SecurityHeaders
from sqreen_mw.collector.dashboard.csrf import FIELD, is_cross_site, is_csrf_token
from sqreen_mw.collector.dashboard.forms import posted_form
from sqreen_mw.collector.dashboard.rendering import rendered
from sqreen_mw.collector.dashboard.visit import Handler, Visit
from sqreen_mw.errors import StoreError

_logger: Final = logging.getLogger("sqreen_mw.collector.dashboard")

_ERRORS: Final = {
    400: ("That request makes no sense", "The address or the form has something wrong in it."),
    403: ("Not allowed", "Your account may not do this. Ask an admin for another role."),
    404: ("Nothing here", "There is no such page, or what it showed is gone."),
    405: ("Not that way", "This address does not take that kind of request."),
    413: ("Too much", "The form is larger than any form of ours."),
    415: ("Unknown form", "Forms must be sent as application/x-www-form-urlencoded."),
    500: (
        "Something broke on our side",
        "The collector's log tells what. No event is lost by this: trying again is safe.",
    ),
    503: ("The store does not answer", "Wait a moment, then load the page again."),
}


class Page:
    """An ASGI application around a handler; ``public`` pages need no session."""

    def __init__(self, handler: Handler, *, public: bool = False) -> None:
        self._handler = handler
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request for the page."""
        request = Request(scope, receive, send)
        response = await self._answer(request)
        await SecurityHeaders(response)(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        visit = Visit(request, None)
        try:
            visit = Visit(request, await run_in_threadpool(session_of, request))
            if request.method == "POST":
                await self._refuse_forged(visit)
            if visit.session is None and not self._public:
                return _to_login(visit)
            return await self._handler(visit)
        except HTTPException as error:
            return error_page(visit, error.status_code, error.detail)
        except StoreError as error:
            return error_page(visit, 503, str(error))
        except Exception:
            # The last stand before the reader: the log has the trace, the page the apology.
            _logger.exception("the page %s failed", request.url.path)
            return error_page(visit, 500, "")

    async def _refuse_forged(self, visit: Visit) -> None:
        if is_cross_site(visit.request):
            raise HTTPException(403, "The form came from another site, so it was not obeyed.")
        if self._public:
            return
        form = await posted_form(visit.request)
        if visit.session is not None and not is_csrf_token(
            form.get(FIELD, ""), cookie=visit.cookie, session_id=visit.session.id
        ):
            raise HTTPException(403, "The form is out of date. Load the page again and repeat.")


def error_page(visit: Visit, status: int, detail: str) -> Response:
    """Return a page that says what went wrong and what to do."""
    title, advice = _ERRORS.get(status, (f"Error {status}", "Go back and try again."))
    standard = HTTPException(status).detail
    text = advice if detail in {"", standard} else detail
    context = {"title": title, "text": text, "status": status}
    return rendered(visit, "message.html", status=status, context=context)


def _to_login(visit: Visit) -> Response:
    request = visit.request
    if request.method != "GET" or "text/event-stream" in request.headers.get("accept", ""):
        return error_page(visit, 401, "You are signed out. Sign in, then try again.")
    target = request.url.path.removeprefix(visit.base) or "/"
    query = f"?{request.url.query}" if request.url.query else ""
    next_page = "" if target == "/" else "?next=" + quote(target + query, safe="")
    return RedirectResponse(f"{visit.base}/login{next_page}", 303)
