"""Prepare everything about an event for the drawer and the event's page."""

from dataclasses import dataclass
from typing import Final

import msgspec

from sqreen_mw.collector.dashboard.explorer.event_row import (
    EventRow,
    event_filter,
    event_row,
    ip_value,
    user_filter,
    user_value,
)
from sqreen_mw.collector.dashboard.explorer.links import Links
from sqreen_mw.collector.dashboard.explorer.values import Value, ValueLinks, json_text
from sqreen_mw.collector.dashboard.web.time_format import full_text, iso_text
from sqreen_mw.collector.events.base import StoredEvent
from sqreen_mw.protocol.event import Event, RequestInfo

IP_SOURCES: Final = {
    "peer": "the address of the connection",
    "proxy": "from X-Forwarded-For of a trusted proxy",
    "header": "from the header that SQREEN_IP_HEADER names, sent by a trusted proxy",
}
IDENTITIES: Final = {
    "established": "established: the app had verified the user in this request",
    "claimed": "claimed: the visitor gave these identifiers, the app had not verified them",
}
_REQUEST_VALUES: Final = (
    ("verb", "verb"),
    ("path", "path"),
    ("status", "status"),
    ("route", "route"),
    ("host", "host"),
    ("user agent", "user_agent"),
)
"""Labels and names of a request's values on the page."""


@dataclass(frozen=True, slots=True)
class Pivot:
    """A link to related events."""

    label: str
    text: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDetail:
    """Everything about an event."""

    row: EventRow
    event_id: str
    seq: int
    truncated: bool
    origin: tuple[Value, ...]
    properties: tuple[Value, ...]
    traits: tuple[Value, ...]
    user: tuple[Value, ...]
    request: tuple[Value, ...]
    request_id: str | None
    parameters: tuple[Value, ...]
    ip: Value | None
    ip_source: str
    derived: tuple[Value, ...]
    received: str
    received_iso: str
    pivots: tuple[Pivot, ...]
    json: str


def event_detail(stored: StoredEvent, *, links: Links) -> EventDetail:
    """Return everything about an event. Each value links to the events with and without it."""
    event, request = stored.event, stored.event.request
    row, value_links = event_row(stored, links=links), ValueLinks(links, event.timestamp)
    return EventDetail(
        row=row,
        event_id=event.id,
        seq=stored.seq,
        truncated=event.truncated or (request is not None and request.truncated),
        origin=_origin(stored, value_links),
        properties=value_links.values(event.properties, "properties"),
        traits=value_links.values(event.user_traits, "traits"),
        user=_user(event, value_links),
        request=_request(request, value_links),
        request_id=None if request is None else request.id,
        parameters=_parameters(request, value_links),
        ip=ip_value(request, value_links),
        ip_source=IP_SOURCES[request.ip_source] if request else "",
        derived=_derived(stored, value_links),
        received=full_text(stored.received_at, links.url.zone),
        received_iso=iso_text(stored.received_at),
        pivots=_pivots(row, links=links),
        json=msgspec.json.format(msgspec.json.encode(stored), indent=2).decode(),
    )


def _origin(stored: StoredEvent, value_links: ValueLinks) -> tuple[Value, ...]:
    values = [
        value_links.value("app", stored.app, name="app"),
        value_links.value("environment", stored.env, name="env"),
    ]
    if stored.release is not None:
        values.append(value_links.value("release", stored.release, name="release"))
    return tuple(values)


def _derived(stored: StoredEvent, value_links: ValueLinks) -> tuple[Value, ...]:
    """Return what the collector has added to an event."""
    values = []
    if stored.outcome is not None:
        values.append(value_links.value("outcome", stored.outcome, name="outcome"))
    if stored.imported:
        text = "yes: it never triggers a response"
        values.append(value_links.value("imported", text, name="imported", filter_text="true"))
    return tuple(values)


def _user(event: Event, value_links: ValueLinks) -> tuple[Value, ...]:
    values = [user_value(*item, value_links) for item in event.user_identifiers.items()]
    source = event.identity
    if source is not None:
        text = IDENTITIES[source]
        values.append(value_links.value("identity", text, name="identity", filter_text=source))
    return tuple(values)


def _request(request: RequestInfo | None, value_links: ValueLinks) -> tuple[Value, ...]:
    if request is None:
        return ()
    found = ((label, name, getattr(request, name)) for label, name in _REQUEST_VALUES)
    values = [
        value_links.value(label, str(value), name=f"request.{name}")
        for label, name, value in found
        if value
    ]
    if request.forwarded_ignored:
        text, name = "ignored, because it is not trusted", "forwarded_ignored"
        values.append(value_links.value("forwarding header", text, name=name, filter_text="true"))
    return tuple(values)


def _parameters(request: RequestInfo | None, value_links: ValueLinks) -> tuple[Value, ...]:
    if request is None:
        return ()
    params, path = request.params, ("request", "params")
    values = [
        *value_links.values(params.query, *path, "query"),
        *value_links.values(params.path, *path, "path", label="{{{}}}"),
        *value_links.values(params.form, *path, "form", label="{} (form)"),
    ]
    if isinstance(params.json, dict):
        values += value_links.values(params.json, *path, "json", label="{} (JSON)")
    elif params.json is not None:
        values.append(Value("JSON body", json_text(params.json)))
    return tuple(values)


def _pivots(row: EventRow, *, links: Links) -> tuple[Pivot, ...]:
    at, request = row.timestamp, row.request
    name = row.name.text
    pivots = [Pivot("named", name, links.pivot(at, "event", event_filter(name)))]
    if row.ip is not None:
        pivots.append(Pivot("from", row.ip.text, links.pivot(at, "ip", row.ip.text)))
    if row.user is not None and (wanted := user_filter(row.user.label, row.user.text)):
        pivots.append(Pivot("by", row.user.text, links.pivot(at, "user", wanted)))
    if request is not None and request.id:
        href = links.pivot(at, "request.id", request.id)
        pivots.append(Pivot("of", "this request", href))
    return tuple(pivots)
