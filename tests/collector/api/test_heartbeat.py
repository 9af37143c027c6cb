import asyncio
import gzip
import json
from typing import Any

import pytest

from sqreen_mw.collector.state.instances import record
from sqreen_mw.protocol.limits import MAX_HEARTBEAT_BYTES
from tests.collector.api.conftest import Collector, Headers, bearer
from tests.collector.api.wire import now, wire_heartbeat

JSON = {"content-type": "application/json"}


def send_heartbeat(collector: Collector, headers: Headers | None = None, **members: Any) -> Any:
    """Send a heartbeat, by default with the agent's token."""
    body = wire_heartbeat(**members)
    return collector.client.post("/v1/heartbeat", json=body, headers=headers or collector.agent)


def instances(collector: Collector, headers: Headers | None = None, **given: Any) -> Any:
    """Return the known instances, by default with the reader's token."""
    sent = headers or collector.reader
    return collector.client.get("/v1/instances", params=given, headers=sent)


def test_heartbeat_is_recorded(collector: Collector) -> None:
    """The answer has the collector's clock and the interval, and the instance is listed."""
    before = now()
    gone = {"tracked": 5, "delivered": 3, "waiting": 0, "dropped": {"overflow": 2}}

    answer = send_heartbeat(collector, queue=gone, host="web-1", env="prod")

    assert answer.status_code == 200
    assert answer.json()["heartbeat_interval"] == 60
    assert before <= answer.json()["server_time"] <= now()
    listed = instances(collector).json()
    [instance] = listed["instances"]
    assert (instance["app"], instance["host"], instance["delivered"]) == ("default", "web-1", 3)
    assert abs(instance["clock_skew"]) < 5000
    assert listed["drops"] == [
        {"app": "default", "env": "prod", "host": "web-1", "reason": "overflow", "count": 2}
    ]
    assert listed["since"] == listed["server_time"] - 24 * 60 * 60 * 1000


def test_clock_skew_is_reported(collector: Collector) -> None:
    """The skew is the collector's clock minus the sender's clock."""
    send_heartbeat(collector, sent_at=now() - 3_600_000)

    [instance] = instances(collector).json()["instances"]

    assert 3_600_000 <= instance["clock_skew"] < 3_610_000


def test_gzip_heartbeat_is_accepted(collector: Collector) -> None:
    """A compressed heartbeat is recorded like any other."""
    body = gzip.compress(json.dumps(wire_heartbeat()).encode())
    headers = collector.agent | JSON | {"content-encoding": "gzip"}

    answer = collector.client.post("/v1/heartbeat", content=body, headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", JSON, 400),
        (b'{"instance_id": 1}', JSON, 400),
        (b" " * (MAX_HEARTBEAT_BYTES + 1), JSON, 413),
        (
            gzip.compress(b" " * (MAX_HEARTBEAT_BYTES + 1), mtime=0),
            JSON | {"content-encoding": "gzip"},
            413,
        ),
    ],
)
def test_invalid_heartbeat_is_rejected(
    collector: Collector, content: bytes, headers: Headers, status: int
) -> None:
    """A malformed or too large heartbeat is rejected and not recorded."""
    answer = collector.client.post(
        "/v1/heartbeat", content=content, headers=collector.agent | headers
    )

    assert answer.status_code == status
    assert instances(collector).json()["instances"] == []


def test_error_names_the_invalid_member(collector: Collector) -> None:
    """The error has the path of the invalid member."""
    answer = send_heartbeat(collector, queue={"tracked": -1, "delivered": 0, "waiting": 0})

    assert answer.status_code == 400
    assert "$.queue.tracked" in answer.json()["detail"]


def test_heartbeat_requires_the_ingest_scope_and_own_app(collector: Collector) -> None:
    """A token needs the ingest scope and can only report for its own app."""
    assert send_heartbeat(collector, headers={"authorization": "Bearer sqm_x_y"}).status_code == 401
    assert send_heartbeat(collector, headers=collector.reader).status_code == 403
    assert send_heartbeat(collector, app="default").status_code == 200
    answer = send_heartbeat(collector, app="bank")
    assert answer.status_code == 403
    assert "the request is for the app 'bank'" in answer.json()["detail"]


def test_reader_sees_instances_of_its_own_app(collector: Collector) -> None:
    """A query token sees its app's instances; an ingest token sees none."""
    collector.headers("query", app="bank")
    send_heartbeat(collector)
    send_heartbeat(collector, headers=collector.headers("ingest", app="bank"))

    for app, reader in (
        ("default", collector.reader),
        ("bank", collector.headers("query", app="bank")),
    ):
        for given in ({}, {"app": app}, {"app": ""}):
            found = instances(collector, reader, **given).json()["instances"]
            assert [instance["app"] for instance in found] == [app]
    assert instances(collector, collector.reader, app="bank").status_code == 403
    assert instances(collector, collector.agent).status_code == 403
    assert instances(collector, {"x": "y"}).status_code == 401


def test_one_token_cannot_crowd_out_another(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the limit of a token and app, only this token gets 429 for a new instance."""
    monkeypatch.setattr(record, "MAX_INSTANCES", 1)
    other = collector.headers("ingest")
    send_heartbeat(collector, instance_id="one")

    answer = send_heartbeat(collector, instance_id="two")

    assert answer.status_code == 429
    assert "1 live instances" in answer.json()["detail"]
    assert send_heartbeat(collector, other, instance_id="three").status_code == 200
    assert send_heartbeat(collector, other, instance_id="four").status_code == 429
    assert send_heartbeat(collector, instance_id="one").status_code == 200
    found = instances(collector).json()["instances"]
    assert {instance["instance_id"] for instance in found} == {"one", "three"}


def test_instances_of_an_organization_token_are_limited(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that may name any app has one limit for all of them."""
    monkeypatch.setattr(record, "MAX_TOKEN_INSTANCES", 3)
    issued = collector.services.state.tokens.issue_for_organization(name="test")
    headers = bearer(issued.secret)

    statuses = [
        send_heartbeat(collector, headers, app=f"app{n}", instance_id="one").status_code
        for n in range(5)
    ]

    assert statuses == [200, 200, 200, 429, 429]
    assert send_heartbeat(collector).status_code == 200


def test_instance_belongs_to_its_token(collector: Collector) -> None:
    """Another token of the app cannot change its counts."""
    send_heartbeat(collector, instance_id="one")

    answer = send_heartbeat(collector, collector.headers("ingest"), instance_id="one")

    assert answer.status_code == 429
    assert "another token" in answer.json()["detail"]


def test_heartbeats_of_one_token_do_not_delay_another(collector: Collector) -> None:
    """Tokens take turns at the only writer of the state."""
    order = []

    async def run() -> None:
        heartbeats = collector.services.heartbeats

        async def beat(token: str) -> None:
            async with heartbeats.slot(token):
                order.append(token)
                await asyncio.sleep(0)

        await asyncio.gather(*(beat(token) for token in "aaaaab"))

    asyncio.run(run())

    assert order.index("b") <= 2
