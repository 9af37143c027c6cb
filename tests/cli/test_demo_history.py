"""Test the past day of the demo."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqreen_mw.cli.demo.history import record_history
from sqreen_mw.cli.demo.people import suspects
from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.events.base import EventQuery, StoredEvent
from sqreen_mw.protocol.event import check_event

NOW = 1_790_000_000_000
HOUR = 3_600_000


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[list[StoredEvent]]:
    """Return the stored history, newest first."""
    store = open_event_store(f"sqlite:///{tmp_path / 'events.db'}")
    record_history(store, now=NOW)
    yield list(store.page(EventQuery(start=NOW - 25 * HOUR, end=NOW + HOUR), limit=10_000).events)
    store.close()


def test_history_fills_the_chart_of_a_day(stored: list[StoredEvent]) -> None:
    """Nearly every hour has events of both sites, and none is in the future."""
    hours = Counter((each.app, (NOW - each.event.timestamp) // HOUR) for each in stored)

    assert len(stored) > 1_000
    assert all(NOW - 24 * HOUR <= each.event.timestamp < NOW for each in stored)
    assert len([hour for app, hour in hours if app == "shop"]) >= 22
    assert len([hour for app, hour in hours if app == "bank"]) >= 22


def test_attack_stands_out(stored: list[StoredEvent]) -> None:
    """One address tries many accounts within minutes, opens three and transfers money."""
    address = suspects()[1].address
    events = [
        each.event for each in stored if each.event.request and each.event.request.ip == address
    ]
    logins = [event for event in events if event.name == "sq.sdk.users.login"]
    users = {event.user_identifiers["email"] for event in logins}
    minutes = (max(e.timestamp for e in logins) - min(e.timestamp for e in logins)) / 60_000

    assert len(logins) == 140
    assert len(users) > 30
    assert minutes < 15
    assert sum(event.properties["success"] for event in logins) == 3
    assert sum(event.name == "transfer.created" for event in events) == 3
    assert {event.identity for event in logins if not event.properties["success"]} == {"claimed"}


def test_events_are_valid(stored: list[StoredEvent]) -> None:
    """The collector accepts the events from an app too."""
    for each in stored:
        check_event(each.event)
