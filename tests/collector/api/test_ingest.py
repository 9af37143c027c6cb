import gzip
import json

import pytest

from sqreen_mw.protocol.limits import MAX_INFLATED_BYTES, MAX_WIRE_BYTES
from tests.collector.api.conftest import Collector, bearer
from tests.collector.api.wire import wire_event

JSON = {"content-type": "application/json"}
GZIP = {**JSON, "content-encoding": "gzip"}


def test_batch_is_stored_before_the_answer(collector: Collector) -> None:
    """A batch is stored with its app, environment and release before the answer."""
    event = wire_event()

    answer = collector.send(event, env="prod", release="1.2")

    assert answer == {"accepted": 1, "duplicates": 0, "rejected": [], "seq": 1}
    stored = collector.services.events.get("default", event["id"])
    assert stored is not None
    assert (stored.app, stored.env, stored.release) == ("default", "prod", "1.2")
    assert collector.services.state.apps.environments("default") == ("prod",)


def test_malformed_events_do_not_affect_others(collector: Collector) -> None:
    """Each malformed event is listed by its index; the others are stored."""
    answer = collector.send(wire_event(), {"x": 1}, wire_event(), wire_event(timestamp="now"))

    assert answer["accepted"] == 2
    assert [(r["index"], r["code"]) for r in answer["rejected"]] == [
        (1, "invalid_event"),
        (3, "invalid_event"),
    ]


@pytest.mark.parametrize("value", ["NaN", r'"\ud83d"', "[" * 5000 + "]" * 5000, "1e999", r'"\x"'])
def test_undecodable_event_does_not_affect_others(collector: Collector, value: str) -> None:
    """An event that is not even JSON is listed by its index; the others are stored."""
    good = [wire_event(), wire_event()]
    first, last = map(json.dumps, good)
    bad = json.dumps(wire_event(properties={"value": "BAD"})).replace('"BAD"', value)
    body = f'{{"events": [{first}, {bad}, {last}]}}'

    answer = collector.client.post("/v1/events", content=body, headers=collector.agent | JSON)

    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["rejected"][0]["index"]) == (2, 1)
    assert all(collector.services.events.get("default", event["id"]) for event in good)


def test_repeated_batch_is_counted_as_duplicates(collector: Collector) -> None:
    """Events of a repeated batch are duplicates."""
    batch = [wire_event(), wire_event()]
    collector.send(*batch)

    answer = collector.send(*batch)

    assert (answer["accepted"], answer["duplicates"], answer["seq"]) == (0, 2, 2)


def test_gzip_batch_is_accepted(collector: Collector) -> None:
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
def test_ingest_requires_a_valid_token(collector: Collector, headers: dict[str, str]) -> None:
    """Without a known token the answer is 401 and explains the header."""
    answer = collector.client.post("/v1/events", json={"events": []}, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "sqreen-mw tokens create" in answer.json()["detail"]


def test_ingest_requires_the_ingest_scope(collector: Collector) -> None:
    """A query token cannot send events; the answer names the missing scope."""
    answer = collector.client.post("/v1/events", json={"events": []}, headers=collector.reader)

    assert answer.status_code == 403
    assert "insufficient_scope" in answer.headers["www-authenticate"]
    assert "--scope ingest" in answer.json()["detail"]


def test_token_sends_for_its_own_app_only(collector: Collector) -> None:
    """A batch for another app is rejected, and the error names both apps."""
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
def test_unsupported_types_are_rejected(
    collector: Collector, headers: dict[str, str], accepted: str
) -> None:
    """The error names the supported type or encoding."""
    answer = collector.client.post("/v1/events", content=b"{}", headers=collector.agent | headers)

    assert answer.status_code == 415
    assert f"send {accepted}" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "headers", "detail"),
    [
        (b'{"events": [}', JSON, "byte 12"),
        (b'{"events": 1}', JSON, "$.events"),
        (b"[" * 100_000, JSON, ""),
        (b'{"events": [], "env": NaN}', JSON, "byte 22"),
        (b"\xff", JSON, ""),
        (b"", JSON, ""),
        (b"plain", GZIP, "not gzip"),
        (gzip.compress(b'{"events": []}', mtime=0)[:-4], GZIP, "not one complete"),
        (gzip.compress(b'{"events": []}', mtime=0) + b"tail", GZIP, "not one complete"),
        (b'{"version": 2, "events": []}', JSON, "upgrade the collector"),
    ],
)
def test_malformed_batch_error_has_the_position(
    collector: Collector, *, body: bytes, headers: dict[str, str], detail: str
) -> None:
    """A malformed body is a 400 with the position of the error."""
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
        (b'{"events": [NaN' + b", {}" * 1000 + b"]}", JSON),
    ],
)
def test_too_large_batch_is_rejected(
    collector: Collector, body: bytes, headers: dict[str, str]
) -> None:
    """Too many bytes, compressed or not, or too many events are a 413."""
    answer = collector.client.post("/v1/events", content=body, headers=collector.agent | headers)

    assert answer.status_code == 413
    assert "send" in answer.json()["detail"]


def test_body_limits_are_inclusive(collector: Collector) -> None:
    """Bodies at the limits are accepted."""
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


def test_store_error_is_503_with_retry_after(collector: Collector) -> None:
    """If the store fails, the answer is 503 with Retry-After."""
    collector.services.events.close()

    answer = collector.client.post(
        "/v1/events", json={"events": [wire_event()]}, headers=collector.agent
    )

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_future_timestamps_are_kept(collector: Collector) -> None:
    """An event from the future keeps its timestamp."""
    event = wire_event(timestamp=wire_event()["timestamp"] + 10_000_000)

    collector.send(event)

    stored = collector.services.events.get("default", event["id"])
    assert stored is not None
    assert stored.event.timestamp == event["timestamp"]
