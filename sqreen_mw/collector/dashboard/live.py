"""Live tail: events as they are stored, over Server-Sent Events (HTML standard, section 9.2)."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from sqreen_mw.collector.auth import session_of
from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.event_view import row_of
from sqreen_mw.collector.dashboard.explorer_url import ExplorerUrl, parse_explorer_url
from sqreen_mw.collector.dashboard.rendering import rendered_row
from sqreen_mw.collector.dashboard.visit import Visit
from sqreen_mw.collector.events.base import StoredEvent
from sqreen_mw.collector.services import read_events
from sqreen_mw.errors import StoreError

KEEP_ALIVE: Final = 15.0
"""Seconds of silence until a comment is sent; as often the session is looked up again."""

SHOWN_AT_ONCE: Final = 25
"""Rows sent of one read; the rest is counted, never passed over in silence."""

_SEQ: Final = re.compile("[0-9]{1,18}")
_READ: Final = 1000
_PAUSE: Final = 0.25
_RETRY: Final = 2.0


async def live(visit: Visit) -> Response:
    """Stream the rows that match the URL and are stored after ``since``.

    Raises:
        HTTPException: 400, the URL makes no sense.
    """
    given = visit.request.query_params
    parsed = parse_explorer_url(given, now=system_clock())
    since = visit.request.headers.get("last-event-id") or given.get("since")
    if parsed.faults or not (since is None or _SEQ.fullmatch(since)):
        raise HTTPException(400)
    store = visit.services.events
    seq = await read_events(store.last_seq) if since is None else int(since)
    return StreamingResponse(
        stream(visit, parsed.state, seq=seq),
        media_type="text/event-stream",
        # nginx would else hold the rows back.
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def stream(
    visit: Visit, state: ExplorerUrl, *, seq: int, keep_alive: float = KEEP_ALIVE
) -> AsyncIterator[str]:
    """Tell of what is stored after ``seq`` and matches, until the session ends.

    Args:
        visit: Who listens.
        state: What is wanted; its range does not apply.
        seq: The store's sequence number that the reader knows.
        keep_alive: Seconds of silence until a sign of life is sent, and between two looks at the
            session.
    """
    services, query = visit.services, state.query(system_clock())
    looked = time.monotonic()
    yield _message("ready", str(seq), seq)
    while True:
        known = await services.tail.newer_than(seq, timeout=keep_alive)
        if time.monotonic() - looked >= keep_alive:
            if await run_in_threadpool(session_of, visit.request) is None:
                yield _message("signed-out", "", seq)
                return
            looked = time.monotonic()
        try:
            found = await read_events(partial(services.events.since, query, seq=seq, limit=_READ))
        except StoreError as error:
            yield _message("trouble", str(error), seq)
            await asyncio.sleep(_RETRY)
            continue
        if found:
            seq = found[-1].seq
            yield _rows(visit, state, found)
            await asyncio.sleep(_PAUSE)
        elif known > seq:
            seq = known
        else:
            yield ": still here\n\n"


def _rows(visit: Visit, state: ExplorerUrl, found: Sequence[StoredEvent]) -> str:
    links, shown = visit.links(state), found[-SHOWN_AT_ONCE:]
    skipped = len(found) - len(shown)
    messages = [_message("skipped", str(skipped), shown[0].seq - 1)] if skipped else []
    for stored in shown:
        row = row_of(stored, links=links)
        data = json.dumps({"key": row.key, "html": rendered_row(row)})
        messages.append(_message("row", data, stored.seq))
    return "".join(messages)


def _message(event: str, data: str, seq: int) -> str:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {event}\nid: {seq}\n{lines}\n"
