"""Keeps events in this process's memory, for tests of an app's own tracking."""

from typing import Final

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.transport import Delivered
from sqreen_mw.protocol.batch import decode_event
from sqreen_mw.protocol.event import Event

_boxes: Final[dict[str, list[Event]]] = {}


def memory_events(url: str = "memory://") -> list[Event]:
    """Return the list that events of a ``memory://`` URL are appended to."""
    return _boxes.setdefault(url, [])


class MemoryTransport:
    """Appends events to the list of its URL."""

    def __init__(self, url: str) -> None:
        self._events: Final = memory_events(url)

    async def send(self, batch: Batch, *, seconds: float) -> Delivered:  # noqa: ARG002 at once
        """Append the events."""
        self._events.extend(decode_event(bytes(raw)) for raw in batch.envelope.events)
        return Delivered()

    async def close(self) -> None:
        """Keep the events: a test reads them after the flush."""
