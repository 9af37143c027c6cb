"""Open and close the collector's services together."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request

from sqreen_mw.collector.connection_limits import ConnectionLimits
from sqreen_mw.collector.database_file import database_path, opened_files
from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.events.base import EventStore
from sqreen_mw.collector.fair_slots import FairSlots
from sqreen_mw.collector.pipeline import Pipeline
from sqreen_mw.collector.read_lanes import ReadLanes
from sqreen_mw.collector.retention import Retention
from sqreen_mw.collector.settings import Settings
from sqreen_mw.collector.state import State, open_state
from sqreen_mw.collector.store_health import StoreHealth, WatchedStore
from sqreen_mw.collector.tail import Tail

MAX_WAITING_HEARTBEATS: Final = 1000
"""Maximum number of waiting heartbeats of one token."""

HEARTBEAT_SECONDS: Final = 30.0
"""Seconds until a waiting heartbeat is refused. The next one has all counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The collector's services, in ``request.app.state.services``.

    ``first_token`` is the secret of the organization token that the first start created. It is
    only kept in memory, so the pages can show it until the next start. ``heartbeats`` has one slot,
    because the state has one writer. ``live_tails`` counts the open ones of each user.
    """

    settings: Settings
    events: EventStore
    state: State
    health: StoreHealth
    lanes: ReadLanes
    tail: Tail
    pipeline: Pipeline
    retention: Retention
    heartbeats: FairSlots
    connections: ConnectionLimits
    live_tails: Counter[int] = field(default_factory=Counter)
    first_token: str | None

    def close(self) -> None:
        """Write the waiting batches and close the stores."""
        self.health.close()
        self.retention.close()
        self.lanes.close()
        self.pipeline.close()
        self.events.close()
        self.state.close()


def open_services(settings: Settings, *, connections: ConnectionLimits | None = None) -> Services:
    """Open the stores. A new state gets an organization token.

    Args:
        settings: The collector's settings.
        connections: The open connections, if the server counts them.

    Raises:
        ConfigurationError: A URL is not valid, or its file cannot be written.
        StoreError: A store comes from a newer release.
    """
    state = open_state(settings.state_url)
    try:
        events = open_event_store(settings.events_url)
    except BaseException:
        state.close()
        raise
    tail = Tail(events.last_seq())
    return Services(
        settings=settings,
        events=events,
        state=state,
        health=_health(settings, events, state),
        lanes=ReadLanes(events),
        tail=tail,
        pipeline=Pipeline(events, apps=state.apps, tail=tail),
        retention=Retention(events, days=settings.keep_days),
        heartbeats=FairSlots(
            1, per_owner=1, most_waiting=MAX_WAITING_HEARTBEATS, seconds=HEARTBEAT_SECONDS
        ),
        connections=connections or ConnectionLimits(),
        first_token=_first_token(state),
    )


def _health(settings: Settings, events: EventStore, state: State) -> StoreHealth:
    state_path = database_path(settings.state_url, setting="--state-url")
    state_files = opened_files(state_path)
    return StoreHealth(
        (
            WatchedStore("events", events.files, events.check_writable),
            WatchedStore("state", lambda: state_files, state.database.check_writable),
        )
    )


def services_of(request: Request) -> Services:
    """Return the services of the request's collector."""
    services: Services = request.app.state.services
    return services


def _first_token(state: State) -> str | None:
    if state.tokens.any_issued():
        return None
    return state.tokens.issue_for_organization(name="for a first setup").secret
