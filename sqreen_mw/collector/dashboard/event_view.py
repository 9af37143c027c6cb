"""An event in the words and links that a row and a detail page show."""

import zlib
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from sqreen_mw.collector.dashboard.charts import DAY, MINUTE
from sqreen_mw.collector.dashboard.links import Links
from sqreen_mw.collector.dashboard.zones import (
    clock_text,
    day_text,
    duration_text,
    full_text,
    iso_text,
)
from sqreen_mw.collector.events.base import StoredEvent
from sqreen_mw.protocol.event import RequestInfo

HUES: Final = 8
"""Colours that event names are told apart by; the style sheet has as many."""

IP_SOURCES: Final = {
    "peer": "the address of the connection itself",
    "proxy": "told by a trusted proxy in X-Forwarded-For",
    "header": "read from the header that SQREEN_IP_HEADER names, sent by a trusted proxy",
}
_LOGIN: Final = "sq.sdk.users.login"
_BEST_KEYS: Final = ("email", "username", "name", "login", "user_id", "id")
_LIVE: Final = 5 * MINUTE
"""Lag that delivery explains: a heartbeat of 60 s and retries."""

_PREVIEWED: Final = 6
_PREVIEW_LENGTH: Final = 48
_LINE: Final = 60
"""Characters of JSON that still read well on one line."""


@dataclass(frozen=True, slots=True)
class Linked:
    """A value, what it is called, and where a click on it leads."""

    label: str
    text: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Lag:
    """What to say of the time between an event and its arrival; ``badge`` only if unusual."""

    kind: str
    text: str
    badge: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    key: str
    href: str
    name: str
    hue: int
    iso: str
    day: str
    clock: str
    full: str
    user: Linked | None
    ip: Linked | None
    request: RequestInfo | None
    app: str
    env: str
    failed: bool
    preview: tuple[tuple[str, str], ...]
    lag: Lag


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """Everything that is known of an event."""

    row: Row
    event_id: str
    seq: int
    release: str | None
    truncated: bool
    properties: tuple[tuple[str, str], ...]
    traits: tuple[tuple[str, str], ...]
    identifiers: tuple[Linked, ...]
    parameters: tuple[tuple[str, str], ...]
    ip_source: str
    received: str
    received_iso: str
    pivots: tuple[Linked, ...]
    json: str


def row_of(stored: StoredEvent, *, links: Links) -> Row:
    """Return an event's line; its links narrow the state at hand and keep its other filters."""
    event, zone = stored.event, links.state.zone
    return Row(
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
        preview=tuple((key, _short(value)) for key, value in _first(event.properties)),
        lag=lag_of(event.timestamp, stored.received_at),
    )


def detail_of(stored: StoredEvent, *, links: Links) -> Detail:
    """Return everything that is known of an event, with pivots."""
    event, zone = stored.event, links.state.zone
    row = row_of(stored, links=links)
    return Detail(
        row=row,
        event_id=event.id,
        seq=stored.seq,
        release=stored.release,
        truncated=event.truncated or (event.request is not None and event.request.truncated),
        properties=_wholes(event.properties),
        traits=_wholes(event.user_traits),
        identifiers=tuple(
            Linked(key, str(value), links.pivot(event.timestamp, user=str(value)))
            for key, value in event.user_identifiers.items()
        ),
        parameters=_parameters(event.request),
        ip_source=IP_SOURCES[event.request.ip_source] if event.request else "",
        received=full_text(stored.received_at, zone),
        received_iso=iso_text(stored.received_at),
        pivots=_pivots(stored, row=row, links=links),
        json=msgspec.json.format(msgspec.json.encode(stored), indent=2).decode(),
    )


def lag_of(timestamp: int, received_at: int) -> Lag:
    """Say how long an event took to arrive; both are milliseconds since the epoch."""
    lag = received_at - timestamp
    if lag < -_LIVE:
        ahead = duration_text(-lag)
        return Lag("ahead", f"{ahead} before its own time: a clock is off", f"-{_largest(ahead)}")
    if lag <= _LIVE:
        return Lag("live", f"after {duration_text(max(lag, 0))}")
    kind, text = ("late" if lag < DAY else "backfilled"), duration_text(lag)
    return Lag(kind, f"after {text}", f"+{_largest(text)}")


def _largest(duration: str) -> str:
    return " ".join(duration.split()[:2])


def _first(values: dict[str, Any]) -> list[tuple[str, Any]]:
    return list(values.items())[:_PREVIEWED]


def _wholes(values: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((key, _whole(value)) for key, value in values.items())


def _whole(value: Any) -> str:
    if isinstance(value, str):
        return value
    encoded = msgspec.json.encode(value)
    is_long = len(encoded) > _LINE
    return (msgspec.json.format(encoded, indent=2) if is_long else encoded).decode()


def _short(value: Any) -> str:
    text = value[: _PREVIEW_LENGTH + 1] if isinstance(value, str) else _compact(value)
    return text if len(text) <= _PREVIEW_LENGTH else text[: _PREVIEW_LENGTH - 1] + "…"


def _compact(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _user(stored: StoredEvent, links: Links) -> Linked | None:
    identifiers = stored.event.user_identifiers
    if not identifiers:
        return None
    key = next((key for key in _BEST_KEYS if key in identifiers), next(iter(identifiers)))
    text = str(identifiers[key])
    return Linked(key, text, links.explorer(links.state.but(user=text)))


def _ip(request: RequestInfo | None, links: Links) -> Linked | None:
    if request is None or request.ip is None:
        return None
    return Linked(request.ip_source, request.ip, links.explorer(links.state.but(ip=request.ip)))


def _parameters(request: RequestInfo | None) -> tuple[tuple[str, str], ...]:
    if request is None:
        return ()
    params = request.params
    listed = [(key, ", ".join(values)) for key, values in params.query.items()]
    listed += [(f"{{{key}}}", text) for key, text in params.path.items()]
    listed += [(f"{key} (form)", ", ".join(values)) for key, values in params.form.items()]
    if params.json is not None:
        listed.append(("JSON body", _whole(params.json)))
    return tuple(listed)


def _pivots(stored: StoredEvent, *, row: Row, links: Links) -> tuple[Linked, ...]:
    event = stored.event
    pivots = [Linked("Named", event.name, links.pivot(event.timestamp, event=event.name))]
    if row.ip is not None:
        pivots.append(Linked("From", row.ip.text, links.pivot(event.timestamp, ip=row.ip.text)))
    if row.user is not None:
        pivots.append(Linked("By", row.user.text, links.pivot(event.timestamp, user=row.user.text)))
    return tuple(pivots)
