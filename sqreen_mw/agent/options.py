"""The options of ``track()``."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict


class TrackOptions(TypedDict, total=False):
    """What ``track()`` takes besides the name, as keywords or as one dict.

    Attributes:
        properties: What the event is about, at most 16.
        user_identifiers: Who did it, such as ``{"email": ...}``; else who was identified.
        timestamp: When it happened, if not now; a naive datetime is UTC.
        collect_body: Whether to tell the parameters in the request's body, too.
        request: The request, where the current one is not it: of Starlette, FastAPI, Flask,
            Werkzeug or Django, an ASGI scope or a WSGI environ.
    """

    properties: Mapping[str, Any]
    user_identifiers: Mapping[str, str | int]
    timestamp: datetime
    collect_body: bool
    request: object


class TrackCall(TrackOptions, total=False):
    """What ``track()`` takes as keywords: its positional arguments, too.

    Attributes:
        name: The event's name.
        options: The options as one dict.
    """

    name: str
    options: TrackOptions | None
