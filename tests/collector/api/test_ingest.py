import gzip
import json

import pytest

from sqreen_mw.protocol.limits import MAX_INFLATED_BYTES, MAX_WIRE_BYTES
from tests.collector.api.conftest import Collector, bearer
from tests.collector.api.wire import wire_event

JSON = {"content-type": "application/json"}
GZIP = {**JSON, "content-encoding": "gzip"}


def test_stores_a_batch(collector: Collector) -> None:
    """A batch is committed when the answer comes, with its app, environment and release."""
    event = wire_event()

    answer = collector.send(event, env="prod", release="1.2")

    assert answer == {"accepted": 1, "duplicates": 0, "rejected": [], "seq": 1}
    stored = collector.services.events.get("default", event["id"])
    assert stored is not None
    assert (stored.app, stored.env, stored.release) == ("default", "prod", "1.2")
    assert collector.services.state.apps.environments("default") == ("prod",)


def test_bad_events_sink_no_good_ones(collector: Collector) -> None:
    """Each event that is not well-formed is named by its place; the others are stored."""
    answer = collector.send(wire_event(), {"x": 1}, wire_event(), wire_event(timestamp="now"))

    assert answer["accepted"] == 2
    assert [(r["index"], r["code"]) for r in answer["rejected"]] == [
        (1, "invalid_event"),
        (3, "invalid_event"),
    ]


def test_a_batch_that_is_sent_again_changes_nothing(collector: Collector) -> None:
    """Events that are there already are counted as duplicates."""
    batch = [wire_event(), wire_event()]
    collector.send(*batch)

    answer = collector.send(*batch)

    assert (answer["accepted"], answer["duplicates"], answer["seq"]) == (0, 2, 2)


def test_takes_gzip(collector: Collector) -> None:
    """A compressed batch is stored like any other."""
    body = gzip.compress(json.dumps({"events": [wire_event()]}).encode())

    answer = collector.client.post("/v1/events", content=body, headers=collector.agent | GZIP)

    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "headers", [{}, bearer("sqm_0123456789abcdef_00"), {"authorization": "Basic YTpi"}]
)
def test_needs_a_valid_token(collector: Collector, headers: dict[str, str]) -> None:
    """Without a token that is known, the answer is 401 and says what to send."""
    answer = collector.client.post("/v1/events", json={"events": []}, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "sqreen-mw tokens create" in answer.json()["detail"]


def test_needs_the_scope(collector: Collector) -> None:
    """A token for reading can't send; the answer names the missing scope."""
    answer = collector.client.post("/v1/events", json={"events": []}, headers=collector.reader)

    assert answer.status_code == 403
    assert "insufficient_scope" in answer.headers["www-authenticate"]
    assert "--scope ingest" in answer.json()["detail"]


def test_a_token_sends_for_its_own_app_only(collector: Collector) -> None:
    """A batch that names another app than its token's is refused, with both names."""
    answer = collector.client.post(
        "/v1/events", json={"events": [wire_event()], "app": "bank"}, headers=collector.agent
    )

    assert answer.status_code == 403
    assert "'bank'" in answer.json()["detail"]
    assert "'default'" in answer.json()["detail"]
    assert collector.services.events.last_seq() == 0
    assert collector.send(wire_event(), app="default")["accepted"] == 1


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({}, "application/json"),
        ({"content-type": "text/plain"}, "application/json"),
        ({**JSON, "content-encoding": "br"}, "gzip"),
    ],
)
def test_says_what_types_it_takes(
    collector: Collector, headers: dict[str, str], accepted: str
) -> None:
    """Any type but JSON and any encoding but gzip is answered with what is taken."""
    answer = collector.client.post("/v1/events", content=b"{}", headers=collector.agent | headers)

    assert answer.status_code == 415
    assert f"send {accepted}" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "headers", "detail"),
    [
        (b'{"events": [}', JSON, "byte 12"),
        (b'{"events": 1}', JSON, "$.events"),
        (b"[" * 100_000, JSON, ""),
        (b"\xff", JSON, ""),
        (b"", JSON, ""),
        (b"plain", GZIP, "no gzip"),
        (gzip.compress(b'{"events": []}', mtime=0)[:-4], GZIP, "not one whole"),
        (gzip.compress(b'{"events": []}', mtime=0) + b"tail", GZIP, "not one whole"),
        (b'{"version": 2, "events": []}', JSON, "upgrade the collector"),
    ],
)
def test_says_where_a_batch_is_malformed(
    collector: Collector, *, body: bytes, headers: dict[str, str], detail: str
) -> None:
    """A body that is no batch is a 400 that tells the place of the fault."""
    answer = collector.client.post("/v1/events", content=body, headers=collector.agent | headers)

    assert answer.status_code == 400
    assert answer.json()["status"] == 400
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b" " * (MAX_WIRE_BYTES + 1), JSON),
        (b" " * (9 * MAX_WIRE_BYTES), JSON),
        (gzip.compress(b" " * (MAX_INFLATED_BYTES + 1), mtime=0), GZIP),
        (json.dumps({"events": [{}] * 1001}).encode(), JSON),
    ],
)
def test_refuses_what_is_too_much(
    collector: Collector, body: bytes, headers: dict[str, str]
) -> None:
    """Too many bytes on the wire, too many once inflated, or too many events are a 413."""
    answer = collector.client.post("/v1/events", content=body, headers=collector.agent | headers)

    assert answer.status_code == 413
    assert "send less" in answer.json()["detail"]


def test_takes_what_is_just_enough(collector: Collector) -> None:
    """The bounds themselves are allowed."""
    assert collector.send(*[wire_event() for _ in range(1000)])["accepted"] == 1000
    inflated = json.dumps({"events": []}).encode().ljust(MAX_INFLATED_BYTES)
    for body, headers in (
        (inflated[:MAX_WIRE_BYTES], JSON),
        (gzip.compress(inflated, mtime=0), GZIP),
    ):
        answer = collector.client.post(
            "/v1/events", content=body, headers=collector.agent | headers
        )
        assert answer.status_code == 202


def test_says_when_to_come_back(collector: Collector) -> None:
    """When the store fails, the answer is 503 with a time after which to try again."""
    collector.services.events.close()

    answer = collector.client.post(
        "/v1/events", json={"events": [wire_event()]}, headers=collector.agent
    )

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_future_times_are_kept(collector: Collector) -> None:
    """An event from the future keeps the time that it was sent with."""
    event = wire_event(timestamp=wire_event()["timestamp"] + 10_000_000)

    collector.send(event)

    stored = collector.services.events.get("default", event["id"])
    assert stored is not None
    assert stored.event.timestamp == event["timestamp"]
