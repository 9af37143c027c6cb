"""Test the time zone that each person chooses."""

import pytest
from starlette.testclient import TestClient

from tests.collector.dashboard.running_collector import (
    RunningCollector,
    make_event,
    send_heartbeat,
    token_on,
)


def choose(client: TestClient, zone: str, back: str = "/events") -> int:
    """Choose a time zone and return the status."""
    form = {"csrf": token_on(client.get("/overview").text), "tz": zone, "next": back}
    answer = client.post("/time-zone", data=form)
    if answer.status_code == 303:
        assert answer.headers["location"] == back
    return answer.status_code


def test_time_zone_is_remembered_on_every_page(
    collector: RunningCollector, client: TestClient
) -> None:
    """The list, the event, the Overview and live rows use the chosen zone; its URL has none."""
    event = make_event()
    collector.store(event)
    send_heartbeat(collector)

    assert choose(client, "Asia/Kolkata", "/events?q=x") == 303

    for path in ("/events", f"/events/shop/{event.id}", "/overview"):
        text = client.get(path).text
        assert "UTC+05:30" in text
        assert "tz=" not in text
    assert "UTC+05:30" not in client.get("/events?tz=UTC").text


def test_people_at_one_browser_have_their_own_time_zones(collector: RunningCollector) -> None:
    """The zone of one person does not change the pages of the next one."""
    collector.store(make_event())
    ann, bob = collector.client("admin"), collector.client("viewer")
    assert choose(ann, "Asia/Kolkata") == 303
    session = bob.cookies["sqreen_session"]
    ann.cookies.delete("sqreen_session")
    ann.cookies.set("sqreen_session", session)

    assert "UTC+05:30" not in ann.get("/events").text


@pytest.mark.parametrize("zone", ["Mars/Base", "", "../../etc/passwd", "x" * 300])
def test_unknown_time_zone_is_rejected(client: TestClient, zone: str) -> None:
    """The answer names a valid zone, and nothing is remembered."""
    assert choose(client, zone) == 400
    assert not any("time_zone" in name for name in client.cookies)


def test_time_zone_form_returns_to_the_collector_only(client: TestClient) -> None:
    """A form with another address leads to the Events page."""
    form = {"csrf": token_on(client.get("/overview").text), "tz": "UTC", "next": "//evil.example"}

    assert client.post("/time-zone", data=form).headers["location"] == "/events"


def test_broken_cookie_means_utc(collector: RunningCollector, client: TestClient) -> None:
    """A cookie that names no zone is ignored."""
    collector.store(make_event())
    user = collector.services.state.users.by_name("admin")
    assert user is not None
    client.cookies.set(f"sqreen_time_zone_{user.id}", "../../etc/passwd")

    assert "<b>UTC</b>" in client.get("/events").text
