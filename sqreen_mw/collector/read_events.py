"""Read the event store for a request."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from starlette.requests import Request

from sqreen_mw.collector.auth import client_of
from sqreen_mw.collector.events.base import EventQuery
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.operation_log import SLOW_SECONDS, log_slow_query, log_store_error
from sqreen_mw.collector.services import services_of
from sqreen_mw.errors import StoreError

DAY: Final = 24 * 60 * 60 * 1000

_Answer = TypeVar("_Answer")


async def read_events(
    request: Request, read: Callable[[Deadline], _Answer], *, query: EventQuery | None = None
) -> _Answer:
    """Run a read of the event store in a thread and return its answer.

    It is cancelled when the client disconnects, and ends at its deadline.

    Args:
        request: The request that needs the answer.
        read: The read.
        query: The query of the read. Without one, the read is short.

    Raises:
        StoreError: The read failed, or too many reads of the client are waiting.
    """
    lanes, client, start = services_of(request).lanes, client_of(request), time.monotonic()
    try:
        return await lanes.run(read, request=request, owner=client, query=query)
    except StoreError as error:
        log_store_error(error)
        raise
    finally:
        seconds = time.monotonic() - start
        if seconds > SLOW_SECONDS:
            days = None if query is None else (query.end - query.start) / DAY
            log_slow_query(request.url.path, seconds, days)
