"""Prepare an event for its row in the table."""

from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import msgspec

from sqreen_mw.collector.dashboard.explorer.links import Links
from sqreen_mw.collector.dashboard.explorer.values import Value, ValueLinks
from sqreen_mw.collector.dashboard.web.charts import DAY, MINUTE
from sqreen_mw.collector.dashboard.web.time_format import (
    clock_text,
    day_text,
    duration_text,
    full_text,
    iso_text,
)
from sqreen_mw.collector.events.base import StoredEvent
from sqreen_mw.collector.events.filter_parameters import exactly
from sqreen_mw.collector.events.outcome import Outcome
from sqreen_mw.collector.state.apps import DEFAULT_ENVIRONMENT
from sqreen_mw.protocol.event import RequestInfo
from sqreen_mw.protocol.identifier import canonical_identifiers

_BEST_KEYS: Final = ("email", "username", "name", "login", "user_id", "id")
_NORMAL_LAG: Final = 5 * MINUTE
"""Normal delay of delivery: a flush interval of up to 60 s, and retries."""

_PREVIEWED: Final = 6
_PREVIEW_LENGTH: Final = 48


@dataclass(frozen=True, slots=True)
class Lag:
    """The delay between an event and its arrival. ``badge`` is None for a normal delay."""

    kind: str
    text: str
    badge: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One row of the table. ``env`` is empty for the default environment.

    ``timestamp`` and ``seq`` are the row's place in the list.
    """

    key: str
    href: str
    timestamp: int
    seq: int
    name: Value
    iso: str
    day: str
    clock: str
    full: str
    user: Value | None
    ip: Value | None
    request: RequestInfo | None
    app: str
    env: str
    outcome: Outcome | None
    imported: bool
    preview: tuple[tuple[str, str], ...]
    lag: Lag


def event_row(stored: StoredEvent, *, links: Links) -> EventRow:
    """Return an event's row. Its links add a filter to the current URL."""
    event, zone = stored.event, links.url.zone
    value_links = ValueLinks(links, event.timestamp)
    return EventRow(
        key=f"{stored.app}/{event.id}",
        href=links.event(stored.app, event.id),
        timestamp=event.timestamp,
        seq=stored.seq,
        name=value_links.value(
            "event", event.name, name="event", filter_text=event_filter(event.name)
        ),
        iso=iso_text(event.timestamp),
        day=day_text(event.timestamp, zone),
        clock=clock_text(event.timestamp, zone),
        full=full_text(event.timestamp, zone),
        user=_user(stored, value_links),
        ip=ip_value(event.request, value_links),
        request=event.request,
        app=stored.app,
        env="" if stored.env == DEFAULT_ENVIRONMENT else stored.env,
        outcome=stored.outcome,
        imported=stored.imported,
        preview=tuple((k, _short(v)) for k, v in islice(event.properties.items(), _PREVIEWED)),
        lag=describe_lag(event.timestamp, stored.received_at),
    )


def describe_lag(timestamp: int, received_at: int) -> Lag:
    """Describe how long an event took to arrive. Both times are milliseconds since the epoch."""
    lag = received_at - timestamp
    if lag < -_NORMAL_LAG:
        ahead = duration_text(-lag)
        badge = f"-{_largest_unit(ahead)}"
        return Lag("ahead", f"{ahead} before its own time: a clock is wrong", badge)
    if lag <= _NORMAL_LAG:
        return Lag("live", f"after {duration_text(max(lag, 0))}")
    kind, text = ("late" if lag < DAY else "backfilled"), duration_text(lag)
    return Lag(kind, f"after {text}", f"+{_largest_unit(text)}")


def _largest_unit(duration: str) -> str:
    return " ".join(duration.split()[:2])


def event_filter(name: str) -> str:
    """Return the filter that finds an event name."""
    is_plain = name == name.strip() and not name.startswith('"') and "*" not in name
    return name if is_plain else exactly(name)


def user_value(key: str, identifier: str | int, value_links: ValueLinks) -> Value:
    """Return a user's identifier. Its filter finds it in any other identifier too."""
    return value_links.value(
        key, str(identifier), name="user", filter_text=user_filter(key, identifier)
    )


def user_filter(key: str, identifier: str | int) -> str:
    """Return the filter that finds equal identifiers, or an empty text if there is none."""
    found = dict(canonical_identifiers({key: identifier}))
    return "".join(map(exactly, found.values()))


def ip_value(request: RequestInfo | None, value_links: ValueLinks) -> Value | None:
    """Return the client address of a request."""
    if request is None or request.ip is None:
        return None
    return value_links.value("IP", request.ip, name="ip")


def _user(stored: StoredEvent, value_links: ValueLinks) -> Value | None:
    identifiers = stored.event.user_identifiers
    if not identifiers:
        return None
    keys = {key.strip().casefold(): key for key in identifiers}
    key = next((keys[best] for best in _BEST_KEYS if best in keys), next(iter(identifiers)))
    return user_value(key, identifiers[key], value_links)


def _short(value: Any) -> str:
    text = value[: _PREVIEW_LENGTH + 1] if isinstance(value, str) else _compact(value)
    return text if len(text) <= _PREVIEW_LENGTH else text[: _PREVIEW_LENGTH - 1] + "…"


def _compact(value: Any) -> str:
    return msgspec.json.encode(value).decode()
