"""The OpenAPI schemas of the API's msgspec structs."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Literal

import msgspec
from fastapi import FastAPI

from sqreen_mw.collector.events.base import StoredEvent
from sqreen_mw.collector.state.instances.losses import Drop
from sqreen_mw.collector.state.instances.model import Instance
from sqreen_mw.collector.store_health import StoreReport
from sqreen_mw.protocol.batch import WIRE_VERSION, Envelope, IngestAnswer
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.heartbeat import HEARTBEAT_VERSION, Heartbeat, HeartbeatAnswer

_REFERENCE: Final = "#/components/schemas/{name}"


class FutureEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Events that are later than a range that ends now: the clock of their sender is ahead.

    ``is_more`` means that there may be more than ``count``. ``url`` is the query that finds them.
    """

    count: int
    is_more: bool
    url: str


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """The state of each store. If one is not ready, the stores are a member of the problem."""

    status: Literal["ready"]
    stores: tuple[StoreReport, ...]


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


class InvalidParameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter that is not valid, and the reason."""

    parameter: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error (RFC 9457). ``errors`` lists the parameters that are not valid."""

    type: str
    title: str
    status: int
    detail: str
    code: str | msgspec.UnsetType = msgspec.UNSET
    errors: tuple[InvalidParameter, ...] | msgspec.UnsetType = msgspec.UNSET


_STRUCTS: Final = (
    Problem,
    *(
        Envelope,
        IngestAnswer,
        Event,
        StoredEvent,
        EventPage,
        HistogramAnswer,
        FutureEvents,
        Readiness,
    ),
    *(Heartbeat, HeartbeatAnswer, InstancesAnswer),
)


def json_of(kind: type) -> dict[str, Any]:
    """Return the OpenAPI content of JSON with a struct's schema."""
    return {"application/json": {"schema": refers_to(kind)}}


def refers_to(kind: type) -> dict[str, str]:
    """Return a reference to a struct's schema."""
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def _problem_of(status: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": refers_to(Problem)}}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _problem_statuses(path: str, operation: Mapping[str, Any]) -> set[int]:
    """Return the statuses of errors that an operation can have."""
    statuses = {500, 503}
    if "security" in operation:
        statuses |= {401, 403, 429}
    if "requestBody" in operation:
        statuses |= {400, 408, 413, 415}
    if "parameters" in operation or path.endswith("/query"):
        statuses |= {409, 422}
    if "{" in path:
        statuses.add(404)
    return statuses


def install(app: FastAPI) -> None:
    """Add schemas, problems and authentication to the application's OpenAPI document."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(describe())
        return describe()

    app.openapi = openapi  # type: ignore[method-assign]  # documented by FastAPI


def _complete(document: dict[str, Any]) -> None:
    # FastAPI's schemas of errors are not ours.
    document["components"] = {"schemas": _schemas(), "securitySchemes": _security()}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for response in operation["responses"].values():
                response.setdefault("content", {"application/json": {}})
            for status in sorted(_problem_statuses(path, operation)):
                operation["responses"][str(status)] = _problem_of(status)


def _schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(_STRUCTS, ref_template=_REFERENCE)
    envelope = schemas["Envelope"]["properties"]
    envelope["version"] = {"const": WIRE_VERSION}
    # Any item is accepted: one that is no event is listed in the answer. More events are a 413.
    envelope["events"] = {"type": "array", "items": {"anyOf": [refers_to(Event), {}]}}
    schemas["Heartbeat"]["properties"]["version"] = {"const": HEARTBEAT_VERSION}
    return schemas


def _security() -> dict[str, Any]:
    return {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "sqreen_session"},
    }
