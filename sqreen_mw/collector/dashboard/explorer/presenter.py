"""Prepare an event for the table row and the detail page."""

import zlib
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import msgspec

from sqreen_mw.collector.dashboard.explorer.links import Links
from sqreen_mw.collector.dashboard.web.charts import DAY, MINUTE
from sqreen_mw.collector.dashboard.web.time_format import (
    clock_text,
    day_text,
    duration_text,
    full_text,
    iso_text,
)
from sqreen_mw.collector.events.base import StoredEvent
from sqreen_mw.protocol.event import RequestInfo

HUES: Final = 8
"""Number of colours for event names. app.css defines them."""

IP_SOURCES: Final = {
    "peer": "the address of the connection",
    "proxy": "from X-Forwarded-For of a trusted proxy",
    "header": "from the header that SQREEN_IP_HEADER names, sent by a trusted proxy",
}
IDENTITIES: Final = {
    "established": "established: the app had verified the user in this request",
    "claimed": "claimed: the visitor gave these identifiers, the app had not verified them",
}
_LOGIN: Final = "sq.sdk.users.login"
_BEST_KEYS: Final = ("email", "username", "name", "login", "user_id", "id")
_NORMAL_LAG: Final = 5 * MINUTE
"""Normal delay of delivery: a flush interval of up to 60 s, and retries."""

_PREVIEWED: Final = 6
_PREVIEW_LENGTH: Final = 48
_MAX_LINE: Final = 60
"""Characters of JSON that fit on one line."""


@dataclass(frozen=True, slots=True)
class LinkedText:
    """A label, a text, and an optional link."""

    label: str
    text: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Lag:
    """The delay between an event and its arrival. ``badge`` is None for a normal delay."""

    kind: str
    text: str
    badge: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One row of the table."""

    key: str
    href: str
    name: str
    hue: int
    iso: str
    day: str
    clock: str
    full: str
    user: LinkedText | None
    ip: LinkedText | None
    request: RequestInfo | None
    app: str
    env: str
    failed: bool
    preview: tuple[tuple[str, str], ...]
    lag: Lag


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDetail:
    """Everything about an event."""

    row: EventRow
    event_id: str
    seq: int
    release: str | None
    truncated: bool
    properties: tuple[tuple[str, str], ...]
    traits: tuple[tuple[str, str], ...]
    identifiers: tuple[LinkedText, ...]
    identity: str
    parameters: tuple[tuple[str, str], ...]
    ip_source: str
    received: str
    received_iso: str
    pivots: tuple[LinkedText, ...]
    json: str


def present_row(stored: StoredEvent, *, links: Links) -> EventRow:
    """Return an event's row. Its links add a filter to the current URL."""
    event, zone = stored.event, links.url.zone
    return EventRow(
        key=f"{stored.app}/{event.id}",
        href=links.event(stored.app, event.id),
        name=event.name,
        hue=zlib.crc32(event.name.encode()) % HUES,
        iso=iso_text(event.timestamp),
        day=day_text(event.timestamp, zone),
        clock=clock_text(event.timestamp, zone),
        full=full_text(event.timestamp, zone),
        user=_user(stored, links),
        ip=_ip(event.request, links),
        request=event.request,
        app=stored.app,
        env=stored.env,
        failed=event.name == _LOGIN and event.properties.get("success") is False,
        preview=tuple((k, _short(v)) for k, v in islice(event.properties.items(), _PREVIEWED)),
        lag=describe_lag(event.timestamp, stored.received_at),
    )


def present_detail(stored: StoredEvent, *, links: Links) -> EventDetail:
    """Return everything about an event, with links to related events."""
    event, zone = stored.event, links.url.zone
    row = present_row(stored, links=links)
    return EventDetail(
        row=row,
        event_id=event.id,
        seq=stored.seq,
        release=stored.release,
        truncated=event.truncated or (event.request is not None and event.request.truncated),
        properties=_full_values(event.properties),
        traits=_full_values(event.user_traits),
        identifiers=tuple(
            LinkedText(key, str(value), links.pivot(event.timestamp, user=str(value)))
            for key, value in event.user_identifiers.items()
        ),
        identity=IDENTITIES[event.identity] if event.identity else "",
        parameters=_parameters(event.request),
        ip_source=IP_SOURCES[event.request.ip_source] if event.request else "",
        received=full_text(stored.received_at, zone),
        received_iso=iso_text(stored.received_at),
        pivots=_pivots(stored, row=row, links=links),
        json=msgspec.json.format(msgspec.json.encode(stored), indent=2).decode(),
    )


def describe_lag(timestamp: int, received_at: int) -> Lag:
    """Describe how long an event took to arrive. Both times are milliseconds since the epoch."""
    lag = received_at - timestamp
    if lag < -_NORMAL_LAG:
        ahead = duration_text(-lag)
        return Lag("ahead", f"{ahead} before its own time: a clock is wrong", f"-{_largest(ahead)}")
    if lag <= _NORMAL_LAG:
        return Lag("live", f"after {duration_text(max(lag, 0))}")
    kind, text = ("late" if lag < DAY else "backfilled"), duration_text(lag)
    return Lag(kind, f"after {text}", f"+{_largest(text)}")


def _largest(duration: str) -> str:
    return " ".join(duration.split()[:2])


def _full_values(values: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((key, _full_value(value)) for key, value in values.items())


def _full_value(value: Any) -> str:
    if isinstance(value, str):
        return value
    encoded = msgspec.json.encode(value)
    is_long = len(encoded) > _MAX_LINE
    return (msgspec.json.format(encoded, indent=2) if is_long else encoded).decode()


def _short(value: Any) -> str:
    text = value[: _PREVIEW_LENGTH + 1] if isinstance(value, str) else _compact(value)
    return text if len(text) <= _PREVIEW_LENGTH else text[: _PREVIEW_LENGTH - 1] + "…"


def _compact(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _user(stored: StoredEvent, links: Links) -> LinkedText | None:
    identifiers = stored.event.user_identifiers
    if not identifiers:
        return None
    key = next((key for key in _BEST_KEYS if key in identifiers), next(iter(identifiers)))
    text = str(identifiers[key])
    return LinkedText(key, text, links.explorer(links.url.with_filters(user=text)))


def _ip(request: RequestInfo | None, links: Links) -> LinkedText | None:
    if request is None or request.ip is None:
        return None
    return LinkedText(
        request.ip_source, request.ip, links.explorer(links.url.with_filters(ip=request.ip))
    )


def _parameters(request: RequestInfo | None) -> tuple[tuple[str, str], ...]:
    if request is None:
        return ()
    params = request.params
    listed = [(key, ", ".join(values)) for key, values in params.query.items()]
    listed += [(f"{{{key}}}", text) for key, text in params.path.items()]
    listed += [(f"{key} (form)", ", ".join(values)) for key, values in params.form.items()]
    if params.json is not None:
        listed.append(("JSON body", _full_value(params.json)))
    return tuple(listed)


def _pivots(stored: StoredEvent, *, row: EventRow, links: Links) -> tuple[LinkedText, ...]:
    event = stored.event
    pivots = [LinkedText("Named", event.name, links.pivot(event.timestamp, event=event.name))]
    if row.ip is not None:
        pivots.append(LinkedText("From", row.ip.text, links.pivot(event.timestamp, ip=row.ip.text)))
    if row.user is not None:
        pivots.append(
            LinkedText("By", row.user.text, links.pivot(event.timestamp, user=row.user.text))
        )
    return tuple(pivots)
