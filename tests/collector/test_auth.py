"""Test that connections count for tokens, users and forwarded addresses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.app import create_app
from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.connection_limits import ConnectionLimits, Holder
from sqreen_mw.collector.services import open_services
from sqreen_mw.collector.settings import Settings
from tests.collector.api.wire import wire_event
from tests.collector.dashboard.running_collector import RunningCollector

TOTAL = 32
"""8 connections of an address, 16 of a token, 2 of a user."""


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[RunningCollector]:
    """Return a collector with few connections, all open from other addresses."""
    settings = Settings(data_dir=tmp_path)
    services = open_services(settings, connections=ConnectionLimits(TOTAL))
    app = create_app(settings, services=services)
    app.state.services = services
    yield RunningCollector(app, services)
    services.close()


def connect(collector: RunningCollector, host: str, port: int) -> TestClient:
    """Open a connection and return its client."""
    assert collector.services.connections.open((host, port))
    return TestClient(collector.app, client=(host, port), follow_redirects=False)


def send(client: TestClient, token: str | None, forwarded: str = "") -> int:
    """Send an event and return the status."""
    headers = {"authorization": f"Bearer {token}"} | (
        {"x-forwarded-for": forwarded} if forwarded else {}
    )
    return client.post("/v1/events", json={"events": [wire_event()]}, headers=headers).status_code


def test_valid_token_frees_the_address(collector: RunningCollector) -> None:
    """More agents than an address may hold get through, up to the limit of their token."""
    token = collector.services.first_token

    statuses = [send(connect(collector, "192.0.2.1", port), token) for port in range(17)]

    assert statuses == [202] * 16 + [429]


def test_wrong_token_counts_for_the_address(collector: RunningCollector) -> None:
    """Refused tokens do not free the address."""
    for port in range(8):
        assert send(connect(collector, "192.0.2.1", port), "sqm_x_y") == 401

    assert not collector.services.connections.open(("192.0.2.1", 8))


@pytest.mark.parametrize("sessions", [1, 3])
def test_user_has_a_limit(collector: RunningCollector, sessions: int) -> None:
    """The third connection of a user gets 429, with an HTML page, and is closed."""
    cookies = [collector.session() for _ in range(sessions)]
    answers = []
    for port in range(3):
        client = connect(collector, "192.0.2.1", port)
        client.cookies.set(SESSION_COOKIE, cookies[port % sessions])
        answers.append(client.get("/overview"))

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["connection"] == "close"
    assert answers[-1].headers["retry-after"] == "5"
    assert "Your user has too many open connections" in answers[-1].text


@pytest.mark.parametrize("header", ["Bearer one", "Bearer sqm_x_y", "Basic eDp5", "Bearer", ""])
def test_reads_of_a_page_count_for_its_user(
    collector: RunningCollector, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    """No header and no other session changes for whom a page reads."""
    owners = []
    run = collector.services.lanes.run

    def watched(*given: Any, owner: Holder, **more: Any) -> Any:
        owners.append(owner)
        return run(*given, owner=owner, **more)

    monkeypatch.setattr(collector.services.lanes, "run", watched)
    cookies = {SESSION_COOKIE: collector.session()}
    collector.client().get("/events")
    TestClient(collector.app, cookies=cookies, headers={"authorization": header}).get("/events")

    assert {owner.kind for owner in owners} == {"user"}
    assert len(set(owners)) == 1


def test_forwarded_addresses_are_counted_behind_a_proxy(collector: RunningCollector) -> None:
    """Behind a trusted proxy the limit is that of the visitor, so one cannot stop the others."""
    statuses = [
        send(connect(collector, "127.0.0.1", port), "wrong", f"203.0.113.9, 198.51.100.{port // 9}")
        for port in range(10)
    ]

    assert statuses == [401] * 8 + [429, 401]


def test_kept_connection_of_a_proxy_counts_for_its_present_visitor(
    collector: RunningCollector,
) -> None:
    """Each request on a proxy's connection counts for its own visitor."""
    client = connect(collector, "127.0.0.1", 1)
    for port in range(2, 10):
        assert send(connect(collector, "127.0.0.1", port), "wrong", "198.51.100.7") == 401

    assert send(client, "wrong", "198.51.100.7") == 429
    assert send(client, collector.services.first_token, "198.51.100.8") == 202
    assert send(client, "wrong", "198.51.100.9") == 401
