"""Read the event store for a request."""

from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request

from sqreen_mw.collector.auth import client_of
from sqreen_mw.collector.events.base import EventQuery
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.services import services_of

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
    lanes, client = services_of(request).lanes, client_of(request)
    return await lanes.run(read, request=request, owner=client, query=query)
