"""Test the token of a first setup, which accepts any app."""

from typing import Any

import pytest

from sqreen_mw.collector.state.apps import MAX_CREATED_APPS
from tests.collector.api.conftest import Collector, Headers, bearer
from tests.collector.api.wire import wire_event, wire_heartbeat


@pytest.fixture
def organization(collector: Collector) -> Headers:
    """Return the headers with the token that the first start creates."""
    assert collector.services.first_token is not None
    return bearer(collector.services.first_token)


def send_batch(collector: Collector, headers: Headers, **envelope: Any) -> Any:
    """Send one event."""
    batch = {"events": [wire_event()], **envelope}
    return collector.client.post("/v1/events", json=batch, headers=headers)


def send_heartbeat(collector: Collector, headers: Headers, **members: Any) -> Any:
    """Send a heartbeat."""
    body = wire_heartbeat(**members)
    return collector.client.post("/v1/heartbeat", json=body, headers=headers)


def apps(collector: Collector) -> list[str]:
    """Return the names of all apps."""
    return [app.name for app in collector.services.state.apps.all()]


@pytest.mark.parametrize("send", [send_batch, send_heartbeat])
@pytest.mark.parametrize("app", ["shop", "a b", "caffè", "x" * 256])
def test_first_use_creates_the_app(
    collector: Collector, organization: Headers, send: Any, app: str
) -> None:
    """The first batch or heartbeat of an app creates it, and later ones find it."""
    assert send(collector, organization, app=app).is_success
    assert send(collector, organization, app=app).is_success

    assert sorted(apps(collector)) == sorted(["default", app])


def test_events_belong_to_the_named_app(collector: Collector, organization: Headers) -> None:
    """One token sends events of several apps; without a name the app is default."""
    for envelope in ({"app": "shop"}, {"app": "bank"}, {}, {"app": None}):
        assert send_batch(collector, organization, **envelope).json()["accepted"] == 1

    reader = collector.headers("query", app="shop")
    of_shop = collector.client.get("/v1/events/query", headers=reader).json()

    assert [event["app"] for event in of_shop["events"]] == ["shop"]
    assert collector.services.events.last_seq() == 4


def test_further_apps_are_refused(collector: Collector, organization: Headers) -> None:
    """A token creates at most 50 apps. The existing ones still send, also with that token."""
    for number in range(MAX_CREATED_APPS - len(apps(collector))):
        assert send_batch(collector, organization, app=f"app-{number}").is_success
    before = collector.services.events.last_seq()

    refused = [
        send(collector, organization, app="one more") for send in (send_batch, send_heartbeat)
    ]

    for answer in refused:
        assert answer.status_code == 403
        assert answer.json()["code"] == "too_many_apps"
        assert "sqreen-mw tokens create 'one more'" in answer.json()["detail"]
    assert len(apps(collector)) == MAX_CREATED_APPS
    assert collector.services.events.last_seq() == before
    assert send_batch(collector, organization, app="app-7").is_success
    assert send_batch(collector, collector.headers("ingest", app="one more")).is_success


@pytest.mark.parametrize("app", ["a/b", "..", ".", "x\ny", "\x1b[31mred", "\u202egnp"])
def test_invalid_app_names_are_refused(
    collector: Collector, organization: Headers, app: str
) -> None:
    """A name that does not fit into a URL path or a terminal creates no app."""
    answer = send_batch(collector, organization, app=app)

    assert answer.status_code == 403
    assert answer.json()["code"] == "invalid_app"
    assert "is not a valid app name" in answer.json()["detail"]
    assert apps(collector) == ["default"]


def test_token_of_an_app_stays_bound_to_it(collector: Collector) -> None:
    """A token of an app is refused for another app, which is not created."""
    for send in (send_batch, send_heartbeat):
        assert send(collector, collector.agent, app="shop").status_code == 403

    assert apps(collector) == ["default"]


def test_organization_token_reads_nothing(collector: Collector, organization: Headers) -> None:
    """The token that is in the environment of every app cannot read events."""
    for path in ("/v1/events/query", "/v1/instances"):
        assert collector.client.get(path, headers=organization).status_code == 403


def test_revoked_organization_token_is_refused(collector: Collector, organization: Headers) -> None:
    """After the setup the token can be revoked like any other."""
    collector.services.state.tokens.revoke(organization["authorization"].split()[1])

    assert send_batch(collector, organization, app="shop").status_code == 401
