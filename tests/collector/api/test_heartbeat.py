import gzip
import json
from typing import Any

import pytest

from sqreen_mw.collector.state.instances import record
from sqreen_mw.protocol.limits import MAX_HEARTBEAT_BYTES
from tests.collector.api.conftest import Collector, Headers
from tests.collector.api.wire import now, wire_heartbeat

JSON = {"content-type": "application/json"}


def beat(collector: Collector, headers: Headers | None = None, **members: Any) -> Any:
    """Send a heartbeat, as the agent unless told otherwise."""
    body = wire_heartbeat(**members)
    return collector.client.post("/v1/heartbeat", json=body, headers=headers or collector.agent)


def instances(collector: Collector, headers: Headers | None = None, **given: Any) -> Any:
    """Return what is known of processes, to the reader unless told otherwise."""
    shown = headers or collector.reader
    return collector.client.get("/v1/instances", params=given, headers=shown)


def test_a_heartbeat_is_noted(collector: Collector) -> None:
    """The answer has the collector's clock and the interval, and the process is known then."""
    before = now()
    gone = {"tracked": 5, "delivered": 3, "waiting": 0, "dropped": {"overflow": 2}}

    answer = beat(collector, queue=gone, host="web-1", env="prod")

    assert answer.status_code == 200
    assert answer.json()["heartbeat_interval"] == 60
    assert before <= answer.json()["server_time"] <= now()
    told = instances(collector).json()
    [instance] = told["instances"]
    assert (instance["app"], instance["host"], instance["delivered"]) == ("default", "web-1", 3)
    assert abs(instance["clock_skew"]) < 5000
    assert told["drops"] == [
        {"app": "default", "env": "prod", "host": "web-1", "reason": "overflow", "count": 2}
    ]
    assert told["since"] == told["server_time"] - 24 * 60 * 60 * 1000


def test_a_clock_that_is_off_is_told(collector: Collector) -> None:
    """The skew is the collector's clock less the sender's."""
    beat(collector, sent_at=now() - 3_600_000)

    [instance] = instances(collector).json()["instances"]

    assert 3_600_000 <= instance["clock_skew"] < 3_610_000


def test_takes_gzip(collector: Collector) -> None:
    """A compressed heartbeat is noted like any other."""
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
def test_refuses_what_is_none(
    collector: Collector, content: bytes, headers: Headers, status: int
) -> None:
    """What is no heartbeat, or too much, is refused and noted nowhere."""
    answer = collector.client.post(
        "/v1/heartbeat", content=content, headers=collector.agent | headers
    )

    assert answer.status_code == status
    assert instances(collector).json()["instances"] == []


def test_the_fault_has_its_path(collector: Collector) -> None:
    """A member that is wrong is named by its path."""
    answer = beat(collector, queue={"tracked": -1, "delivered": 0, "waiting": 0})

    assert answer.status_code == 400
    assert "$.queue.tracked" in answer.json()["detail"]


def test_takes_what_an_agent_may_send(collector: Collector) -> None:
    """A token needs the scope of ingest, and may tell of its own app only."""
    assert beat(collector, headers={"authorization": "Bearer sqm_x_y"}).status_code == 401
    assert beat(collector, headers=collector.reader).status_code == 403
    assert beat(collector, app="default").status_code == 200
    answer = beat(collector, app="bank")
    assert answer.status_code == 403
    assert "the heartbeat is of the app 'bank'" in answer.json()["detail"]


def test_shows_what_a_reader_may_see(collector: Collector) -> None:
    """A token for reading sees its own app's processes; a token for sending sees none."""
    collector.headers("query", app="bank")
    beat(collector)
    beat(collector, headers=collector.headers("ingest", app="bank"))

    for app, reader in (
        ("default", collector.reader),
        ("bank", collector.headers("query", app="bank")),
    ):
        found = instances(collector, reader, app="default").json()["instances"]
        assert [instance["app"] for instance in found] == [app]
    assert instances(collector, collector.agent).status_code == 403
    assert instances(collector, {"x": "y"}).status_code == 401


def test_too_many_processes_are_refused(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where as many as are kept are alive, another one is told so."""
    monkeypatch.setattr(record, "MAX_INSTANCES", 1)
    beat(collector, instance_id="one")

    answer = beat(collector, instance_id="two")

    assert answer.status_code == 429
    assert "1 live instances" in answer.json()["detail"]
