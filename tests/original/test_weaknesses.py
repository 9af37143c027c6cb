"""The weaknesses of the original Sqreen, and tests that ours has none of them."""

import time
import uuid
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI, Request
from flask import Flask
from flask import request as flask_request
from starlette.testclient import TestClient

import sqreen_mw as sqreen
from sqreen_mw.protocol.batch import decode_event, encode_event
from sqreen_mw.protocol.event import Event

MASK = "<Redacted by Sqreen>"
CARD = "4111 1111 1111 1111"


def delivered(memory: list[Event]) -> list[Event]:
    """Flush and return the delivered events."""
    assert sqreen.flush()
    return memory


def test_1_runs_on_asgi_and_this_python(memory: list[Event]) -> None:
    """The original did not run on current Pythons or on ASGI."""
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware)

    @app.get("/")
    async def view() -> None:
        sqreen.track("x")

    TestClient(app).get("/")

    assert [event.name for event in delivered(memory)] == ["x"]


def test_2_events_outside_requests_have_no_address(memory: list[Event]) -> None:
    """In the original, an event outside of requests had another request's address."""
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware)

    @app.get("/innocent")
    def view() -> None:
        sqreen.track("inside")

    sqreen.track("before")
    TestClient(app).get("/innocent")
    sqreen.track("after")

    requests = {event.name: event.request for event in delivered(memory)}
    assert requests["before"] is None
    assert requests["after"] is None
    assert requests["inside"] is not None


def test_2_events_outside_requests_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the original they had no limit; ours wait in a bounded queue, and losses are counted."""
    monkeypatch.setenv("SQREEN_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SQREEN_TOKEN", "t")

    for _ in range(10_600):
        sqreen.track("x")

    stats = sqreen.stats()
    assert stats.waiting <= 10_500
    assert stats.tracked == stats.waiting + stats.delivered + sum(stats.dropped.values())
    sqreen.close(timeout=0.1)


@pytest.mark.parametrize(
    "forged",
    [
        {"X-Forwarded-For": "8.8.8.8"},
        {"X-Real-IP": "8.8.8.8"},
        {"Client-IP": "8.8.8.8"},
        {"Forwarded": "for=8.8.8.8"},
        {"X-Cluster-Client-IP": "8.8.8.8"},
        {"Via": "8.8.8.8"},
    ],
)
@pytest.mark.parametrize("peer", ["93.184.216.34", "172.17.0.1"])
def test_3_headers_do_not_forge_addresses(
    memory: list[Event], forged: dict[str, str], peer: str
) -> None:
    """The original used the leftmost global address of ten headers from any peer."""
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware)

    @app.get("/")
    def view() -> None:
        sqreen.track("x")

    TestClient(app, client=(peer, 1)).get("/", headers=forged)

    [event] = delivered(memory)
    assert event.request is not None
    assert (event.request.ip, event.request.ip_source) == (peer, "peer")


def test_4_properties_identifiers_and_traits_are_scrubbed(memory: list[Event]) -> None:
    """The original sent them unscrubbed."""
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware)

    @app.get("/")
    def view() -> None:
        sqreen.identify({"card": CARD}, traits={"password": "hunter2"})
        sqreen.track("x", properties={"password": "hunter2", "note": f"paid by {CARD}"})

    TestClient(app).get("/")

    [event] = delivered(memory)
    assert event.properties == {"password": MASK, "note": f"paid by {MASK}"}
    assert event.user_identifiers == {"card": MASK}
    assert event.user_traits == {"password": MASK}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("user_password", "hunter2", MASK),
        ("note", "Bearer abcdefghij.klmnop", None),
        ("sentence", f"card {CARD}, thanks", f"card {MASK}, thanks"),
        ("number", 4111111111111111, MASK),
        ("bytes", b"4111111111111111", None),
        ("order", "1234567890123456", "1234567890123456"),
        ("epoch", 1700000000000, 1700000000000),
    ],
)
def test_5_scrubber_masks_related_keys_and_formats(
    memory: list[Event], key: str, value: Any, expected: object
) -> None:
    """The original missed related keys, credentials, and cards in sentences, numbers and bytes."""
    sqreen.track("x", properties={key: value})

    [event] = delivered(memory)
    if expected is None:
        assert MASK in event.properties[key]
        assert b"abcdefghij" not in encode_event(event)
        assert b"4111111111111111" not in encode_event(event)
    else:
        assert event.properties == {key: expected}


def test_6_deep_and_cyclic_values_are_cut(memory: list[Event]) -> None:
    """In the original, a cyclic value or JSON of 1,200 levels raised a RecursionError."""
    cycle: dict[str, Any] = {}
    cycle["self"] = cycle
    deep = "[" * 1200 + "]" * 1200
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware)

    @app.post("/")
    async def view(request: Request) -> None:
        await request.body()
        sqreen.track("x", properties={"cycle": cycle}, collect_body=True)

    headers = {"Content-Type": "application/json"}
    assert TestClient(app).post("/", content=deep, headers=headers).status_code == 200

    [event] = delivered(memory)
    assert event.truncated
    assert decode_event(encode_event(event)) == event


def test_10_numeric_identifiers_are_equal_to_texts(memory: list[Event]) -> None:
    """In the original, 42 and "42" were different users."""
    sqreen.track("x", user_identifiers={"id": 42})
    sqreen.track("x", user_identifiers={"id": "42"})

    one, other = delivered(memory)
    assert one.user_identifiers == other.user_identifiers == {"id": "42"}


@pytest.mark.parametrize(
    "options",
    [
        {"properties": list(range(17))},
        {"properties": {**{str(i): i for i in range(10)}, **{i: i for i in range(10)}}},
        {"timestamp": "yesterday"},
        {"user_identifiers": "jane"},
        42,
    ],
)
def test_13_validation_never_raises(memory: list[Event], options: Any) -> None:
    """In the original, a list of properties or mixed keys raised into the app."""
    assert sqreen.track("x", options)
    assert sqreen.track(None) is None  # type: ignore[arg-type]  # a wrong name

    assert len(delivered(memory)) == 1
    assert sum(sqreen.stats().misuse.values()) >= 2


def test_14_forms_with_a_charset_are_parsed(memory: list[Event]) -> None:
    """The original did not parse ``urlencoded; charset=UTF-8``."""
    app = Flask(__name__)
    sqreen.Sqreen(app)

    @app.post("/")
    def view() -> str:
        coupon = flask_request.form["coupon"]
        sqreen.track("x", collect_body=True)
        return coupon

    kind = "application/x-www-form-urlencoded; charset=UTF-8"
    answer = app.test_client().post("/", data="coupon=SPR%C3%84NG", content_type=kind)

    assert answer.text == "SPRÄNG"
    [event] = delivered(memory)
    assert event.request is not None
    assert event.request.params.form == {"coupon": ["SPRÄNG"]}


def test_14_truncated_body_is_marked(memory: list[Event]) -> None:
    """In the original, JSON cut at 4,096 bytes became an empty object."""
    app = Flask(__name__)
    sqreen.Sqreen(app)

    @app.post("/")
    def view() -> str:
        count = len(flask_request.get_json()["rows"])
        sqreen.track("x", collect_body=True)
        return str(count)

    assert app.test_client().post("/", json={"rows": ["x" * 100] * 1000}).text == "1000"

    [event] = delivered(memory)
    assert event.request is not None
    assert event.request.params.json is None
    assert event.request.truncated
    assert event.truncated


def test_15_unusual_values_have_their_usual_text(memory: list[Event]) -> None:
    """The original sent Python's repr, and NaN as invalid JSON."""
    number = uuid.uuid4()
    sqreen.track(
        "x",
        properties={"set": {1}, "price": Decimal("1.5"), "id": number, "nan": float("nan")},
    )

    [event] = delivered(memory)
    assert event.properties == {"set": [1], "price": "1.5", "id": str(number), "nan": "nan"}


def test_16_nothing_is_sent_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The original's start waited up to ten seconds for the network."""
    monkeypatch.setenv("SQREEN_URL", "http://192.0.2.1:7070")
    monkeypatch.setenv("SQREEN_TOKEN", "t")
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware)
    sqreen.user_is_banned()
    start = time.monotonic()

    assert TestClient(app).get("/").status_code == 404
    assert time.monotonic() - start < 5
