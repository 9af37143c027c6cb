"""The OpenAPI schemas of the API's msgspec structs."""

from typing import Any, Final

import msgspec
from fastapi import FastAPI

from sqreen_mw.collector.events.base import StoredEvent
from sqreen_mw.collector.state.instances.losses import Drop
from sqreen_mw.collector.state.instances.model import Instance
from sqreen_mw.protocol.batch import Envelope, IngestAnswer
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.heartbeat import Heartbeat, HeartbeatAnswer

_REFERENCE: Final = "#/components/schemas/{name}"


class FutureEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Events that are later than a range that ends now: the clock of their sender is ahead.

    ``is_more`` means that there may be more than ``count``. ``url`` is the query that finds them.
    """

    count: int
    is_more: bool
    url: str


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events, newest first. The last page has no token.

    If ``searched_from`` is set, the time limit ended the search: the page has all events since this
    time in milliseconds, and the next page continues before it.
    """

    events: tuple[StoredEvent, ...]
    next_page_token: str | None
    searched_from: int | None = None
    future: FutureEvents | None = None


class HistogramAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of events, oldest first. ``start`` and ``interval`` are milliseconds.

    If ``counted_from`` is set, the time limit ended the count: events before this time are missing.
    """

    start: int
    interval: int
    total: int
    counts: tuple[int, ...]
    counted_from: int | None = None
    future: FutureEvents | None = None


class InstancesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Instances seen since ``since``, and events dropped since then.

    Times are milliseconds since the epoch. ``drops`` include deleted instances.
    """

    since: int
    server_time: int
    instances: tuple[Instance, ...]
    drops: tuple[Drop, ...]


_STRUCTS: Final = (
    *(Envelope, IngestAnswer, Event, StoredEvent, EventPage, HistogramAnswer, FutureEvents),
    *(Heartbeat, HeartbeatAnswer, InstancesAnswer),
)


def json_of(kind: type) -> dict[str, Any]:
    """Return the OpenAPI content of JSON with a struct's schema."""
    return {"application/json": {"schema": refers_to(kind)}}


def refers_to(kind: type) -> dict[str, str]:
    """Return a reference to a struct's schema."""
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def install(app: FastAPI) -> None:
    """Add schemas and authentication to the application's OpenAPI document."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            components = describe().setdefault("components", {})
            components.setdefault("schemas", {}).update(_schemas())
            components["securitySchemes"] = _security()
        return describe()

    app.openapi = openapi  # type: ignore[method-assign]  # documented by FastAPI


def _schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(_STRUCTS, ref_template=_REFERENCE)
    # Events stay encoded while the envelope is decoded, so its struct has no type for them.
    schemas["Envelope"]["properties"]["events"]["items"] = refers_to(Event)
    return schemas


def _security() -> dict[str, Any]:
    return {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "sqreen_session"},
    }
