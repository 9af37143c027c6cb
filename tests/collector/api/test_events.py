import base64
import json
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests.collector.api.conftest import Collector
from tests.collector.api.wire import now, wire_event


def _get(collector: Collector, path: str, **parameters: Any) -> Any:
    return collector.client.get(path, params=parameters, headers=collector.reader)


def _ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [stored["event"]["id"] for stored in answer.json()["events"]]


def test_pages_newest_first(collector: Collector) -> None:
    """The pages of a query hold each event once, the newest first."""
    newest = now()
    events = [wire_event(timestamp=newest - number) for number in range(5)]
    collector.send(*reversed(events))

    ids: list[str] = []
    token: dict[str, str] | None = {}
    while token is not None:
        answer = _get(collector, "/v1/events/query", limit=2, **token)
        ids += _ids(answer)
        following = answer.json()["next_page_token"]
        token = following and {"page_token": following}

    assert ids == [event["id"] for event in events]


@pytest.mark.parametrize(
    "parameters",
    [
        {"event": "login.*"},
        {"ip": "203.0.113.0/24"},
        {"user": "42"},
        {"q": "spring"},
        {"app": "default", "env": "prod", "event": "login.failed"},
    ],
)
def test_filters_are_the_same_in_url_and_body(
    collector: Collector, parameters: dict[str, str]
) -> None:
    """Each filter finds the one event that has it, by GET and by POST."""
    wanted = wire_event(
        "login.failed",
        request={"verb": "POST", "path": "/", "ip": "203.0.113.7"},
        user_identifiers={"id": 42},
        properties={"code": "SPRING"},
    )
    collector.send(wanted, env="prod")
    collector.send(wire_event())

    by_get = _get(collector, "/v1/events/query", **parameters)
    by_post = collector.client.post("/v1/events/query", json=parameters, headers=collector.reader)

    assert _ids(by_get) == _ids(by_post) == [wanted["id"]]


def test_the_last_day_is_the_default(collector: Collector) -> None:
    """Without a range the last 24 hours are searched, and a body may be left out."""
    recent, old = wire_event(), wire_event(timestamp=now() - 25 * 60 * 60 * 1000)
    collector.send(recent, old)

    answer = collector.client.post("/v1/events/query", headers=collector.reader)

    assert _ids(answer) == [recent["id"]]


def test_a_range_is_milliseconds_or_rfc_3339(collector: Collector) -> None:
    """The range takes both forms of time, and its end is not part of it."""
    at = int(datetime(2020, 1, 31, 12, tzinfo=UTC).timestamp() * 1000)
    inside, end = wire_event(timestamp=at), wire_event(timestamp=at + 1000)
    collector.send(inside, end)

    for start, to in (
        (at, at + 1000),
        ("2020-01-31T12:00:00Z", "2020-01-31T12:00:01Z"),
        ("2020-01-31T13:00:00+01:00", str(at + 1000)),
    ):
        answer = _get(collector, "/v1/events/query", **{"from": start, "to": to})
        assert _ids(answer) == [inside["id"]]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2020-01-31T12:00:00"}, "from"),
        ({"to": "9" * 16}, "to"),
        ({"to": "9" * 15}, "to"),
        ({"ip": "203.0.113"}, "ip"),
        ({"page_token": "garbage"}, "page_token"),
        ({"page_token": "é"}, "page_token"),
        ({"page_token": base64.urlsafe_b64encode(b"1.x").decode()}, "page_token"),
        ({"q": "x" * 257}, "q"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_parameter_is_named(
    collector: Collector, parameters: dict[str, str], named: str
) -> None:
    """A parameter that makes no sense is refused by its name, in a URL and in a body."""
    by_get = _get(collector, "/v1/events/query", **parameters)
    by_post = collector.client.post("/v1/events/query", json=parameters, headers=collector.reader)

    for answer in (by_get, by_post):
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert [error["parameter"] for error in answer.json()["errors"]] == [named]


@pytest.mark.parametrize("path", ["query", "histogram?interval=1000"])
@pytest.mark.parametrize(
    "given", [{"from": "6", "to": "5"}, {"from": "2999-01-01T00:00:00Z"}], ids=["both", "start"]
)
def test_a_range_that_ends_before_it_starts_is_named(
    collector: Collector, path: str, given: dict[str, str]
) -> None:
    """Both ends are named, given or not, instead of an answer without events."""
    url = httpx2.URL(f"/v1/events/{path}").copy_merge_params(given)

    answer = collector.client.get(url, headers=collector.reader)

    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == ["from", "to"]


def test_a_body_is_bounded_and_json(collector: Collector) -> None:
    """A body for a query is JSON of no great size."""
    send = collector.client.post

    large = send("/v1/events/query", content=b" " * 100_000, headers=collector.reader)
    broken = send("/v1/events/query", content=b"{", headers=collector.reader)

    assert large.status_code == 413
    assert broken.status_code == 422


def test_a_token_sees_its_own_app_only(collector: Collector) -> None:
    """Whatever app a token asks for, it finds the events of its own."""
    event = wire_event()
    collector.send(event)
    other = collector.headers("query", app="bank")

    for path in ("/v1/events/query?app=default", f"/v1/events/{event['id']}?app=default"):
        answer = collector.client.get(path, headers=other)
        assert answer.status_code == 404 or _ids(answer) == []
    assert collector.client.get(f"/v1/events/{event['id']}", headers=collector.reader).json()[
        "event"
    ] == {key: value for key, value in event.items() if value}


def test_a_session_sees_every_app(collector: Collector) -> None:
    """A person who is logged in reads all apps, and names the app of a single event."""
    event = wire_event()
    collector.send(event)
    state = collector.services.state
    ann = state.users.create("ann", password=None, role="viewer")
    collector.client.cookies.set("sqreen_session", state.sessions.open(ann))

    assert _ids(collector.client.get("/v1/events/query")) == [event["id"]]
    assert collector.client.get(f"/v1/events/{event['id']}?app=default").status_code == 200
    unnamed = collector.client.get(f"/v1/events/{event['id']}")
    assert unnamed.status_code == 422
    assert "name the app" in unnamed.json()["detail"]


@pytest.mark.parametrize("cookie", ["", "garbage", "x" * 1000])
def test_nobody_reads_without_either(collector: Collector, cookie: str) -> None:
    """Without a token and without a session nothing is read, before any parameter is looked at."""
    collector.client.cookies.set("sqreen_session", cookie)

    for path in ("query?limit=x", "histogram", "0190163d-8694-739b-aea5-966c26f8ad91"):
        assert collector.client.get(f"/v1/events/{path}").status_code == 401


def test_a_wrong_token_is_not_made_good_by_a_session(collector: Collector) -> None:
    """A request that shows a token is judged by it."""
    state = collector.services.state
    ann = state.users.create("ann", password=None, role="viewer")
    collector.client.cookies.set("sqreen_session", state.sessions.open(ann))

    answer = collector.client.get("/v1/events/query", headers=collector.agent)

    assert answer.status_code == 403


def test_an_unknown_event_is_not_found(collector: Collector) -> None:
    """An id that the app does not have is a 404 that names both."""
    answer = _get(collector, "/v1/events/nix")

    assert answer.status_code == 404
    assert "'default' has no event 'nix'" in answer.json()["detail"]


def test_counts_over_time(collector: Collector) -> None:
    """The histogram counts the events of each interval of the range."""
    at = int(datetime(2020, 1, 31, 12, tzinfo=UTC).timestamp() * 1000)
    collector.send(*[wire_event(timestamp=at + offset) for offset in (0, 1, 2500)])

    answer = _get(collector, "/v1/events/histogram", interval=1000, **{"from": at, "to": at + 3000})

    assert answer.json() == {"start": at, "interval": 1000, "total": 3, "counts": [2, 0, 1]}


def test_a_body_may_have_numbers(collector: Collector) -> None:
    """A JSON body's times are numbers, too."""
    event = wire_event()
    collector.send(event)
    parameters = {"from": event["timestamp"], "to": event["timestamp"] + 1, "limit": 1}

    answer = collector.client.post("/v1/events/query", json=parameters, headers=collector.reader)

    assert _ids(answer) == [event["id"]]


def test_refuses_too_many_intervals(collector: Collector) -> None:
    """A histogram of too many intervals says to take longer ones."""
    answer = _get(collector, "/v1/events/histogram", interval=1)

    assert answer.status_code == 422
    assert "longer ones" in answer.json()["detail"]


def test_an_event_round_trips(collector: Collector) -> None:
    """What was sent is what is read, whatever was in it."""
    event = wire_event(properties={"text": 'Ünï \n " \u0000', "list": [1, 2.5, None, {"a": True}]})
    collector.send(event)

    stored = _get(collector, f"/v1/events/{event['id']}").json()

    assert json.loads(json.dumps(stored["event"])) == event
