"""Live tail: stream new events to the browser by Server-Sent Events."""

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from sqreen_mw.collector.auth import identify_session
from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.explorer.event_row import event_row
from sqreen_mw.collector.dashboard.explorer.links import Links
from sqreen_mw.collector.dashboard.explorer.live_tail_limits import LiveTailResponse
from sqreen_mw.collector.dashboard.explorer.url import ExplorerUrl
from sqreen_mw.collector.dashboard.explorer.url_parser import parse_explorer_url
from sqreen_mw.collector.dashboard.web.page_context import PageContext
from sqreen_mw.collector.dashboard.web.rendering import render_macro
from sqreen_mw.collector.events.base import (
    EventQuery,
    StoredEvent,
    StoredSlice,
)
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.permissions import Action
from sqreen_mw.collector.read_events import read_events
from sqreen_mw.errors import StoreError

KEEP_ALIVE: Final = 15.0
"""Seconds without events until a comment is sent, and between two checks of the session."""

SHOWN_AT_ONCE: Final = 25
"""Maximum rows of one update. The rest is reported as a number of skipped events."""

_SEQ: Final = re.compile("[0-9]{1,18}")
_READ_LIMIT: Final = 1000
_PAUSE: Final = 0.25
_RETRY: Final = 2.0


async def live_tail(page: PageContext) -> Response:
    """Stream the rows that match the URL and are stored after ``since``.

    Raises:
        HTTPException: 400 if the URL is not valid, 429 if there are too many live tails.
    """
    given = page.request.query_params
    parsed = parse_explorer_url(given.multi_items(), now=system_clock(), home_tz=page.time_zone)
    since = page.request.headers.get("last-event-id") or given.get("since")
    if parsed.errors or not (since is None or _SEQ.fullmatch(since)):
        raise HTTPException(400)
    store = page.services.events
    if since is None:
        seq = await read_events(page.request, lambda deadline: store.last_seq(deadline=deadline))
    else:
        seq = int(since)
    return LiveTailResponse(page, stream(page, parsed.url, seq=seq))


async def stream(
    page: PageContext, url: ExplorerUrl, *, seq: int, keep_alive: float = KEEP_ALIVE
) -> AsyncGenerator[str, None]:
    """Yield messages about matching events stored after ``seq``, until the session ends.

    Args:
        page: The request.
        url: The filters. The time range is ignored.
        seq: The store's sequence number that the browser already has.
        keep_alive: Seconds without events until a comment is sent, and between session checks.
    """
    services, query = page.services, url.query(system_clock())
    links = Links(page.base, url, system_clock())
    session_checked_at = time.monotonic()
    yield _message("ready", str(seq), seq)
    while True:
        latest = await services.tail.newer_than(seq, timeout=keep_alive)
        if time.monotonic() - session_checked_at >= keep_alive:
            page = PageContext(page.request, await identify_session(page.request))
            if not page.may(Action.READ_EVENTS):
                yield _message("logged-out", "", seq)
                return
            session_checked_at = time.monotonic()
        try:
            found = await read_events(page.request, _since(page, query, seq))
        except StoreError as error:
            yield _message("trouble", str(error), seq)
            await asyncio.sleep(_RETRY)
            continue
        before, seq = seq, found.seq if found.seq > seq else max(seq, latest)
        if found.events:
            yield _rows(links, found.events)
            await asyncio.sleep(_PAUSE)
        elif seq > before:
            # Without data the browser only keeps the id, for the next connection.
            yield f": searched\nid: {seq}\n\n"
        else:
            yield ": keep-alive\n\n"


def _since(page: PageContext, query: EventQuery, seq: int) -> Callable[[Deadline], StoredSlice]:
    store = page.services.events
    return lambda deadline: store.since(query, seq=seq, limit=_READ_LIMIT, deadline=deadline)


def _rows(links: Links, found: Sequence[StoredEvent]) -> str:
    shown = found[-SHOWN_AT_ONCE:]
    skipped = len(found) - len(shown)
    messages = [_message("skipped", str(skipped), shown[0].seq - 1)] if skipped else []
    for stored in shown:
        row = event_row(stored, links=links)
        html = render_macro("explorer/event_row.html", "event_row", row)
        messages.append(_message("row", json.dumps({"key": row.key, "html": html}), stored.seq))
    return "".join(messages)


def _message(event: str, data: str, seq: int) -> str:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {event}\nid: {seq}\n{lines}\n"
