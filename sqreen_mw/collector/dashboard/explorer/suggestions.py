"""Suggest values while a person types a filter."""

from typing import Final

from starlette.responses import JSONResponse, Response

from sqreen_mw.collector.dashboard.web.page_context import PageContext
from sqreen_mw.collector.read_events import read_events

SUGGESTED: Final = 20
"""Maximum number of suggested users."""

KNOWN_NAMES: Final = 200
"""Maximum number of event names on the page."""

_LONGEST: Final = 256


async def suggestions(page: PageContext) -> Response:
    """Return the users of ``app``, or of any app, that begin with ``text``, as JSON."""
    text = page.request.query_params.get("text", "").strip()[:_LONGEST]
    app = page.request.query_params.get("app") or None
    store = page.services.events
    if not text:
        return JSONResponse(())
    return JSONResponse(
        await read_events(
            page.request,
            lambda deadline: store.suggest(
                "user", text, limit=SUGGESTED, app=app, deadline=deadline
            ),
        )
    )
