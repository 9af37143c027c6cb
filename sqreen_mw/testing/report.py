"""The message of a failed assertion."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqreen_mw.protocol.event import Event, RequestInfo

MAX_LINE: Final = 300
"""The maximum length of an event's line."""


def report(fault: str, events: Sequence[Event], losses: Mapping[str, int]) -> str:
    """Return a fault with the list of events, wrong calls and dropped events."""
    tracked = list(events)
    lines = [fault, "Tracked:" if tracked else "Nothing was tracked."]
    lines += [f"  {number}. {event_line(event)}" for number, event in enumerate(tracked, start=1)]
    if losses:
        causes = ", ".join(f"{cause} ({count})" for cause, count in losses.items())
        lines.append(f"Dropped events and wrong calls (see the log of sqreen_mw): {causes}")
    return "\n".join(lines)


def event_line(event: Event) -> str:
    """Return an event as one line with its name, properties, user and request."""
    parts = [event.name]
    if event.properties:
        parts.append(repr(event.properties))
    if event.user_identifiers:
        parts.append(f"by {event.user_identifiers!r}")
    if event.request is not None:
        parts.append(f"in {_request(event.request)}")
    line = " ".join(parts)
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 3]}..."


def _request(request: RequestInfo) -> str:
    status = "" if request.status is None else f" -> {request.status}"
    return f"{request.verb} {request.path}{status} from {request.ip or 'no address'}"
