"""What a failed assertion shows of a capture."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqreen_mw.protocol.event import Event, RequestInfo

MAX_LINE: Final = 300
"""Characters of the line of an event."""


def report(fault: str, events: Sequence[Event], losses: Mapping[str, int]) -> str:
    """Return what is wrong, with the events that there are and what became of no event."""
    tracked = list(events)
    lines = [fault, "Tracked:" if tracked else "Nothing was tracked."]
    lines += [f"  {number}. {event_line(event)}" for number, event in enumerate(tracked, start=1)]
    if losses:
        causes = ", ".join(f"{cause} ({count})" for cause, count in losses.items())
        lines.append(f"Not kept, or wrong (the log of sqreen_mw says more): {causes}")
    return "\n".join(lines)


def event_line(event: Event) -> str:
    """Return an event in one line: its name, properties, user and request."""
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
