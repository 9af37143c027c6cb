"""Test the lines that the collector logs for operators."""

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.operation_log import log_slow_query, log_store_error
from sqreen_mw.collector.state.tokens import AGENT_SCOPES
from sqreen_mw.errors import StoreError
from tests.collector.dashboard.running_collector import (
    PASSWORD,
    RunningCollector,
    make_event,
    running_collector,
)

ADDRESS = "203.0.113.77"


@pytest.fixture
def collector(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[RunningCollector]:
    """Return a collector with a user, and log everything."""
    caplog.set_level(logging.INFO, "sqreen_mw.collector")
    with running_collector(tmp_path) as opened:
        opened.services.state.users.create("ann", password=PASSWORD, role="viewer")
        yield opened


def behind_a_proxy(collector: RunningCollector, **headers: str) -> TestClient:
    """Return a client behind a proxy on the same machine."""
    forwarded = {"x-forwarded-for": ADDRESS}
    client = ("127.0.0.1", 50_000)
    return TestClient(
        collector.app, client=client, headers=forwarded | headers, follow_redirects=False
    )


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return level, logger and message of the lines."""
    return [
        f"{record.levelname} {record.name.removeprefix('sqreen_mw.collector.')}: {record.message}"
        for record in caplog.records
        if record.name.startswith("sqreen_mw")
    ]


def test_sign_ins_are_logged(collector: RunningCollector, caplog: pytest.LogCaptureFixture) -> None:
    """A sign-in names the user, the way and the visitor's own address."""
    client = behind_a_proxy(collector)
    user = collector.services.state.users.by_name("ann")
    assert user is not None
    link = collector.services.state.sessions.issue_link(user, lifetime=60)

    client.post("/login", data={"name": "ann", "password": PASSWORD})
    client.get(f"/login/once?token={link}")
    client.post(f"/login/once?token={link}")

    assert lines(caplog) == [
        f"INFO sign_in: ann signed in with a password from {ADDRESS}",
        f"INFO sign_in: ann signed in with a link from {ADDRESS}",
    ]


def test_wrong_passwords_are_logged_without_secrets(
    collector: RunningCollector, caplog: pytest.LogCaptureFixture
) -> None:
    """The line names a known user; a name that is unknown may be a password and is left out."""
    client = behind_a_proxy(collector)
    for name in ("ann", "hunter2", *["ann"] * 5):
        client.post("/login", data={"name": name, "password": "a secret guess"})

    known, unknown, *_, paused = lines(caplog)
    assert known == f"WARNING sign_in: wrong password for ann from {ADDRESS}"
    assert unknown == f"WARNING sign_in: wrong password for an unknown user from {ADDRESS}"
    assert paused.startswith(f"WARNING sign_in: sign-ins from {ADDRESS} must wait ")
    assert "secret" not in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    ("path", "scopes", "expected"),
    [
        ("/v1/events", None, "the token {id} from {address} is refused: it is unknown or revoked"),
        ("/v1/events/query", AGENT_SCOPES, "the token {id} is refused: it has not the scope query"),
    ],
)
def test_refused_tokens_are_logged_by_their_id(
    collector: RunningCollector,
    caplog: pytest.LogCaptureFixture,
    *,
    path: str,
    scopes: frozenset[str] | None,
    expected: str,
) -> None:
    """The line has the token's public id and the address, but not the secret."""
    state = collector.services.state
    state.apps.ensure("shop")
    issued = state.tokens.issue("shop", name="t", scopes=scopes or AGENT_SCOPES)
    if scopes is None:
        state.tokens.revoke(issued.token.id)
    client = behind_a_proxy(collector, authorization=f"Bearer {issued.secret}")

    client.request("POST" if scopes is None else "GET", path)

    [line] = lines(caplog)
    text = expected.format(id=issued.token.id, address=ADDRESS)
    assert line.startswith(f"WARNING tokens: {text}")
    assert issued.secret.rpartition("_")[2] not in line


@pytest.mark.parametrize("secret", ["hunter2", "sqm_x_y", "sqm_" + "g" * 16 + "_secret"])
def test_other_texts_are_not_logged(
    collector: RunningCollector, caplog: pytest.LogCaptureFixture, secret: str
) -> None:
    """A text that is no token may be another secret."""
    behind_a_proxy(collector, authorization=f"Bearer {secret}").post("/v1/events")

    [line] = lines(caplog)
    assert "a text that is no token" in line
    assert secret not in line


@pytest.mark.parametrize("address", ["203.0.113.77", "2001:db8:1:2::{number}"])
def test_cause_of_a_refused_token_is_only_its_network(
    collector: RunningCollector, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    """Random tokens, and random addresses of one network, have one cause."""
    for number in range(9):
        headers = {
            "x-forwarded-for": address.format(number=number),
            "authorization": f"Bearer sqm_{number:016x}_secret" if number else "Bearer x",
        }
        behind_a_proxy(collector, **headers).post("/v1/events")

    causes = [vars(each)["cause"] for each in caplog.records if each.name.endswith("tokens")]
    assert len(causes) == 9
    assert len(set(causes)) == 1


def test_store_errors_are_logged(
    collector: RunningCollector, caplog: pytest.LogCaptureFixture
) -> None:
    """A failed store is an error, from the API and from pages."""
    collector.store(make_event("a"))
    *_, period, _ = collector.services.events.files()
    token = collector.services.first_token
    client = collector.client()
    with sqlite3.connect(period) as database:
        database.execute("DROP TABLE events")

    client.get("/events?q=x")
    client.get("/v1/events/query")
    behind_a_proxy(collector, authorization=f"Bearer {token}").get("/v1/events/query")

    failed = [line for line in lines(caplog) if line.startswith("ERROR store: ")]
    assert len(failed) >= 2
    assert all("no such table" in line for line in failed)


def test_deadline_of_a_query_is_no_store_error(caplog: pytest.LogCaptureFixture) -> None:
    """A query that ends at its deadline does not look like a broken store."""
    caplog.set_level(logging.INFO, "sqreen_mw.collector")

    log_store_error(StoreError("no answer within 5 s"))

    assert lines(caplog) == []


def test_slow_query_names_its_path_and_range(caplog: pytest.LogCaptureFixture) -> None:
    """The line has the path, the range and the time."""
    log_slow_query("/v1/events/query", 3.21, 30)
    log_slow_query("/events/shop/x", 1.5, None)

    assert lines(caplog) == [
        "WARNING queries: a query of /v1/events/query over 30.0 days took 3.2 seconds",
        "WARNING queries: a query of /events/shop/x took 1.5 seconds",
    ]
