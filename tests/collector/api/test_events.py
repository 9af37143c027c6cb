import base64
import json
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from sqreen_mw.collector.events.base import EventQuery, Page
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.events.sqlite import readers, slices
from tests.collector.api.conftest import Collector
from tests.collector.api.wire import now, wire_event
from tests.collector.events.examples import CheckedDeadline


def _get(collector: Collector, path: str, **parameters: Any) -> Any:
    return collector.client.get(path, params=parameters, headers=collector.reader)


def _ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [stored["event"]["id"] for stored in answer.json()["events"]]


def test_pages_are_sorted_newest_first(collector: Collector) -> None:
    """The pages of a query contain each event once, newest first."""
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
        {"user": " 42 "},
        {"q": "spring"},
        {"outcome": "failed"},
        {"identity": "claimed"},
        {"forwarded_ignored": "true", "imported": "false"},
        {"app": "default", "env": "prod", "event": "login.failed"},
    ],
)
def test_filters_are_the_same_in_url_and_body(
    collector: Collector, parameters: dict[str, str]
) -> None:
    """GET and POST accept the same filters."""
    matching = wire_event(
        "login.failed",
        request={"verb": "POST", "path": "/", "ip": "203.0.113.7", "forwarded_ignored": True},
        user_identifiers={"id": 42},
        identity="claimed",
        properties={"code": "SPRING"},
    )
    collector.send(matching, env="prod")
    collector.send(wire_event())

    by_get = _get(collector, "/v1/events/query", **parameters)
    by_post = collector.client.post("/v1/events/query", json=parameters, headers=collector.reader)

    assert _ids(by_get) == _ids(by_post) == [matching["id"]]


def test_default_range_is_the_last_day(collector: Collector) -> None:
    """Without a range the last 24 hours are searched; the body is optional."""
    recent, old = wire_event(), wire_event(timestamp=now() - 25 * 60 * 60 * 1000)
    collector.send(recent, old)

    answer = collector.client.post("/v1/events/query", headers=collector.reader)

    assert _ids(answer) == [recent["id"]]


HOUR = 3_600_000


@pytest.mark.parametrize("ahead", [1000, HOUR, 400 * 24 * HOUR])
@pytest.mark.parametrize("path", ["query?", "histogram?interval=3600000&"])
def test_answer_names_later_events(collector: Collector, path: str, ahead: int) -> None:
    """If a sender's clock is ahead, the answer has the number of its events and their query."""
    event = wire_event("coupon.applied", timestamp=now() + ahead * 20)
    collector.send(event, wire_event("other", timestamp=now() + ahead * 20), wire_event())

    answer = collector.client.get(f"/v1/events/{path}event=coupon.*", headers=collector.reader)

    future = answer.json()["future"]
    assert (future["count"], future["is_more"]) == (1, False)
    found = collector.client.get(future["url"], headers=collector.reader)
    assert _ids(found) == [event["id"]]
    assert found.json()["future"] is None


@pytest.mark.parametrize(
    "parameters", [{"to": "2100-01-01T00:00:00Z"}, {"event": "other"}, {"page_token": "1.1"}]
)
def test_later_events_are_not_named_elsewhere(
    collector: Collector, parameters: dict[str, str]
) -> None:
    """A given end, a filter that does not match, and further pages have no hint."""
    collector.send(wire_event(timestamp=now() + HOUR))

    assert _get(collector, "/v1/events/query", **parameters).json()["future"] is None


def test_number_of_later_events_is_limited(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many later events are not all counted."""
    monkeypatch.setattr("sqreen_mw.collector.events.future.MAX_COUNTED", 3)
    collector.send(*(wire_event(timestamp=now() + HOUR) for _ in range(80)))

    future = _get(collector, "/v1/events/query").json()["future"]

    assert (future["count"], future["is_more"]) == (3, True)


@pytest.mark.parametrize("parameters", [{"env": "test"}, {"app": "app1"}, {}])
def test_later_events_of_another_app_hide_none(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, str]
) -> None:
    """An app's later events are counted also if another app has more than are read."""
    monkeypatch.setattr("sqreen_mw.collector.events.future.MAX_COUNTED", 3)
    collector.send(*(wire_event("early", timestamp=now() + HOUR) for _ in range(5)))
    late = wire_event("late", timestamp=now() + 2 * HOUR)
    content = json.dumps({"env": "test", "events": [late]})
    agent = collector.headers("ingest", app="app1")
    collector.client.post(
        "/v1/events", content=content, headers=agent | {"content-type": "application/json"}
    )

    future = collector.client.get(
        "/v1/events/query", params=parameters, headers=collector.headers("query", app="app1")
    ).json()["future"]

    assert (future["count"], future["is_more"]) == (1, False)


@pytest.mark.parametrize("parameters", [{"q": "late"}, {"event": "lat*"}, {"user": "late"}])
def test_unsearched_later_events_are_named(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, str]
) -> None:
    """If no later event was found but some were not searched, the query of them is named."""
    monkeypatch.setattr("sqreen_mw.collector.events.future.MAX_COUNTED", 3)
    collector.send(*(wire_event("early", timestamp=now() + HOUR) for _ in range(5)))
    late = wire_event("late", timestamp=now() + 2 * HOUR, user_identifiers={"id": "late"})
    collector.send(late)

    future = _get(collector, "/v1/events/query", **parameters).json()["future"]

    assert (future["count"], future["is_more"]) == (0, True)
    found = collector.client.get(future["url"], headers=collector.reader)
    assert _ids(found) == [late["id"]]


def test_cut_search_is_labelled(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the deadline the answer has the searched time, and its token continues there."""
    monkeypatch.setattr(slices, "FEW_EVENTS", 50)
    monkeypatch.setattr(readers, "STEPS_BETWEEN_CHECKS", 2000)
    at = now()
    collector.send(*(wire_event(timestamp=at - number) for number in range(1000)))
    store = collector.services.events
    page = store.page

    def hurried(query: EventQuery, *, limit: int, deadline: Deadline) -> Page:
        return page(query, limit=limit, deadline=CheckedDeadline(2))

    monkeypatch.setattr(store, "page", hurried)

    answer = _get(collector, "/v1/events/query", q="nowhere").json()

    assert answer["events"] == []
    assert at - 1000 < answer["searched_from"] < at
    assert answer["next_page_token"] == f"{answer['searched_from']}.0"


def test_range_accepts_milliseconds_and_rfc_3339(collector: Collector) -> None:
    """Both formats work, and the end is exclusive."""
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
        ({"outcome": "lost"}, "outcome"),
        ({"identity": "none"}, "identity"),
        ({"imported": "1"}, "imported"),
        ({"forwarded_ignored": "no"}, "forwarded_ignored"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_invalid_parameter_is_named(
    collector: Collector, parameters: dict[str, str], named: str
) -> None:
    """An invalid parameter is rejected by name, in a URL and in a body."""
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
def test_range_must_not_end_before_its_start(
    collector: Collector, path: str, given: dict[str, str]
) -> None:
    """The error names both ends, given or not."""
    url = httpx2.URL(f"/v1/events/{path}").copy_merge_params(given)

    answer = collector.client.get(url, headers=collector.reader)

    assert answer.status_code == 409
    assert [error["parameter"] for error in answer.json()["errors"]] == ["from", "to"]


def test_query_body_must_be_small_json(collector: Collector) -> None:
    """A large or malformed body is rejected."""
    send = collector.client.post

    large = send("/v1/events/query", content=b" " * 100_000, headers=collector.reader)
    broken = send("/v1/events/query", content=b"{", headers=collector.reader)

    assert large.status_code == 413
    assert broken.status_code == 422


@pytest.mark.parametrize("path", ["query", "histogram?interval=3600000", "{id}"])
def test_token_that_names_another_app_gets_403(collector: Collector, path: str) -> None:
    """The error names both apps. The token's own app, or none, is fine."""
    event = wire_event()
    collector.send(event)
    path = "/v1/events/" + path.format(id=event["id"])

    for app, status in (("bank", 403), ("default", 200), ("", 200), (None, 200)):
        given = {} if app is None else {"app": app}
        url = httpx2.URL(path).copy_merge_params(given)
        answer = collector.client.get(url, headers=collector.reader)
        assert answer.status_code == status, (app, answer.text)
        assert status == 200 or "'bank', but the token is for 'default'" in answer.json()["detail"]


def test_query_in_a_body_that_names_another_app_gets_403(collector: Collector) -> None:
    """The app in a JSON body counts like the one in a URL."""
    answer = collector.client.post(
        "/v1/events/query", json={"app": "bank"}, headers=collector.reader
    )

    assert answer.status_code == 403


def test_session_reads_all_apps(collector: Collector) -> None:
    """A user reads all apps, and names the app of a single event."""
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
def test_query_api_requires_token_or_session(collector: Collector, cookie: str) -> None:
    """Without token and session the answer is 401, before parameters are parsed."""
    collector.client.cookies.set("sqreen_session", cookie)

    for path in ("query?limit=x", "histogram", "0190163d-8694-739b-aea5-966c26f8ad91"):
        assert collector.client.get(f"/v1/events/{path}").status_code == 401


def test_token_takes_precedence_over_session(collector: Collector) -> None:
    """A request with a token does not use its session."""
    state = collector.services.state
    ann = state.users.create("ann", password=None, role="viewer")
    collector.client.cookies.set("sqreen_session", state.sessions.open(ann))

    answer = collector.client.get("/v1/events/query", headers=collector.agent)

    assert answer.status_code == 403


def test_unknown_event_is_404(collector: Collector) -> None:
    """The error names the app and the id."""
    answer = _get(collector, "/v1/events/nix")

    assert answer.status_code == 404
    assert "'default' has no event 'nix'" in answer.json()["detail"]


def test_histogram_counts_events_per_interval(collector: Collector) -> None:
    """The histogram counts the events of each interval."""
    at = int(datetime(2020, 1, 31, 12, tzinfo=UTC).timestamp() * 1000)
    collector.send(*[wire_event(timestamp=at + offset) for offset in (0, 1, 2500)])

    answer = _get(collector, "/v1/events/histogram", interval=1000, **{"from": at, "to": at + 3000})

    counts = {"start": at, "interval": 1000, "total": 3, "counts": [2, 0, 1]}
    assert answer.json() == counts | {"counted_from": None, "future": None}


def test_body_accepts_numbers(collector: Collector) -> None:
    """Times in a JSON body may be numbers."""
    event = wire_event()
    collector.send(event)
    parameters = {"from": event["timestamp"], "to": event["timestamp"] + 1, "limit": 1}

    answer = collector.client.post("/v1/events/query", json=parameters, headers=collector.reader)

    assert _ids(answer) == [event["id"]]


def test_too_many_intervals_are_rejected(collector: Collector) -> None:
    """The error names the shortest interval of the range, which is accepted."""
    day = {"from": 86_400_000, "to": 2 * 86_400_000}

    answer = _get(collector, "/v1/events/histogram", interval=1, **day)

    assert answer.status_code == 409
    assert answer.json()["detail"] == "interval: too short for this range: use 43222 or more"
    assert _get(collector, "/v1/events/histogram", interval=43221, **day).status_code == 409
    assert _get(collector, "/v1/events/histogram", interval=43222, **day).status_code == 200


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        *[(name, True, 422) for name in ("limit", "from", "to", "q")],
        ("limit", "5", 422),
        ("limit", 5.5, 422),
        ("limit", 5.0, 200),
        ("from", 5.0, 200),
        ("from", "1", 200),
        ("q", 5, 422),
        ("imported", True, 200),
        ("imported", 1, 422),
        ("outcome", True, 422),
    ],
)
def test_types_in_a_body_are_those_of_the_schema(
    collector: Collector, name: str, value: object, status: int
) -> None:
    """JSON is not text: a number is a number, and a truth value is none."""
    answer = collector.client.post("/v1/events/query", json={name: value}, headers=collector.reader)

    assert answer.status_code == status, answer.text


def test_event_has_the_values_that_the_collector_adds(collector: Collector) -> None:
    """An answer has the outcome, the sender's time, and whether the event was imported."""
    event = wire_event("order.rejected")
    collector.send(event, sent_at=event["timestamp"] + 5)

    stored = _get(collector, f"/v1/events/{event['id']}").json()

    added = {name: stored[name] for name in ("outcome", "sent_at", "imported")}
    assert added == {"outcome": "refused", "sent_at": event["timestamp"] + 5, "imported": False}


def test_event_round_trip(collector: Collector) -> None:
    """A stored event equals the event that was sent."""
    event = wire_event(properties={"text": 'Ünï \n " \u0000', "list": [1, 2.5, None, {"a": True}]})
    collector.send(event)

    stored = _get(collector, f"/v1/events/{event['id']}").json()

    assert json.loads(json.dumps(stored["event"])) == event
