"""Remember the time zone of each person, in a cookie of the browser."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from sqreen_mw.collector.dashboard.web.forms import posted_form
from sqreen_mw.collector.dashboard.web.local_path import local_path
from sqreen_mw.collector.dashboard.web.page_context import PageContext
from sqreen_mw.collector.dashboard.web.time_format import zone_of

_YEAR: Final = 365 * 24 * 60 * 60


async def choose_time_zone(page: PageContext) -> Response:
    """Show the times of every page in another zone, and return to the page.

    Raises:
        HTTPException: 400 if the zone is not known.
    """
    form = await posted_form(page.request)
    name = form.get("tz", "").strip()
    try:
        zone_of(name)
    except ValueError as error:
        raise HTTPException(400, f"The time zone {error}, not “{name[:60]}”.") from error
    response = RedirectResponse(page.base + local_path(form.get("next", "")), 303)
    response.set_cookie(
        page.time_zone_cookie,
        name,
        max_age=_YEAR,
        path=page.base or "/",
        secure=page.is_https,
        httponly=True,
        samesite="lax",
    )
    return response
