"""One event on a page of its own."""

import re
from functools import partial

from starlette.exceptions import HTTPException
from starlette.responses import Response

from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.event_view import detail_of
from sqreen_mw.collector.dashboard.explorer_url import parse_explorer_url
from sqreen_mw.collector.dashboard.rendering import rendered
from sqreen_mw.collector.dashboard.visit import Visit
from sqreen_mw.collector.services import read_events
from sqreen_mw.protocol.event_id import EVENT_ID_PATTERN


async def event_page(visit: Visit) -> Response:
    """Show everything that is known of an event.

    Raises:
        HTTPException: 404, there is none of that app and id.
    """
    path = visit.request.path_params
    state = parse_explorer_url(visit.request.query_params, now=system_clock()).state
    known = re.match(EVENT_ID_PATTERN, path["event_id"])
    read = partial(visit.services.events.get, path["app"], path["event_id"])
    stored = await read_events(read) if known else None
    if stored is None:
        raise HTTPException(404, "There is no such event, or it has been deleted since.")
    detail = detail_of(stored, links=visit.links(state))
    return rendered(visit, "event.html", state=state, context={"detail": detail})
