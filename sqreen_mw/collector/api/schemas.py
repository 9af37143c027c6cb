"""The msgspec structs that the API speaks, as schemas of its OpenAPI description."""

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


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events, newest first; without a token there is no further page."""

    events: tuple[StoredEvent, ...]
    next_page_token: str | None


class HistogramAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of events, oldest first; ``start`` and ``interval`` are milliseconds."""

    start: int
    interval: int
    total: int
    counts: tuple[int, ...]


class InstancesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The processes that were heard of since ``since``, and what was dropped since then.

    Times are milliseconds since the epoch. ``drops`` are of processes that are gone, too.
    """

    since: int
    server_time: int
    instances: tuple[Instance, ...]
    drops: tuple[Drop, ...]


_SPOKEN: Final = (
    *(Envelope, IngestAnswer, Event, StoredEvent, EventPage, HistogramAnswer),
    *(Heartbeat, HeartbeatAnswer, InstancesAnswer),
)


def json_of(kind: type) -> dict[str, Any]:
    """Return an OpenAPI content of JSON that follows a struct's schema."""
    return {"application/json": {"schema": refers_to(kind)}}


def refers_to(kind: type) -> dict[str, str]:
    """Return a reference to a struct's schema."""
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def install(app: FastAPI) -> None:
    """Let the application's OpenAPI description contain the schemas and the ways to log in."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            components = describe().setdefault("components", {})
            components.setdefault("schemas", {}).update(_schemas())
            components["securitySchemes"] = _security()
        return describe()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI documents this way


def _schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(_SPOKEN, ref_template=_REFERENCE)
    # On the wire events stay encoded for a while, so the struct does not tell what they are.
    schemas["Envelope"]["properties"]["events"]["items"] = refers_to(Event)
    return schemas


def _security() -> dict[str, Any]:
    return {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "sqreen_session"},
    }
