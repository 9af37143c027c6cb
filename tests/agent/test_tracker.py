import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest

from sqreen_mw.agent.arguments import Arguments
from sqreen_mw.agent.config import Config
from sqreen_mw.agent.context import Identity
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.agent.pending import PendingEvent
from sqreen_mw.agent.tracker import Tracker
from sqreen_mw.protocol.limits import MIN_TIMESTAMP
from tests.agent.samples import Asked


def tracker_of(put: Callable[[PendingEvent], bool], guard: Guard) -> Tracker:
    """Return a tracker that hands its events to a function."""
    return Tracker(
        put=put,
        calls=NullAgent(Config()),
        arguments=Arguments(guard),
        guard=guard,
        ip_header="x-forwarded-for",
    )


class Bench:
    """A tracker whose events are kept in a list."""

    def __init__(self, *, takes: bool = True) -> None:
        self.events: list[PendingEvent] = []
        self.takes = takes
        self.guard = Guard()
        self.tracker = tracker_of(self.put, self.guard)

    def put(self, event: PendingEvent) -> bool:
        """Keep an event, or refuse it."""
        if self.takes:
            self.events.append(event)
        return self.takes

    def track(self, name: Any, options: Any = None, **keywords: Any) -> str | None:
        """Track as an app does."""
        return self.tracker.track(None, name, options=options, keywords=keywords)


@pytest.fixture
def bench() -> Bench:
    """Return a tracker to play with."""
    return Bench()


def test_both_call_forms_give_the_same_event(bench: Bench) -> None:
    """Options come as one dict or as keywords, and keywords win where both are given."""
    when = datetime(2018, 3, 15, 14, 42, tzinfo=timezone(timedelta(hours=1)))
    options = {"properties": {"a": 1}, "user_identifiers": {"id": 7}, "timestamp": when}

    bench.track("x", options)
    bench.track("x", **options)
    bench.track("x", {"properties": {"a": 0}}, **options)

    for event in bench.events:
        assert event.properties == {"a": 1}
        assert event.identity == Identity(identifiers={"id": "7"}, traits={})
        assert event.timestamp == 1_521_121_320_000
    assert bench.guard.counts == {}


def test_returns_the_id_of_the_event(bench: Bench) -> None:
    """The id is a UUID of version 7, of the event that is handed on."""
    event_id = bench.track("x")

    assert event_id == bench.events[0].id
    assert uuid.UUID(event_id).version == 7


def test_returns_none_where_the_event_is_not_taken() -> None:
    """An event that the queue refuses has no id for the app."""
    assert Bench(takes=False).track("x") is None


@pytest.mark.parametrize(
    ("name", "cause", "said"),
    [
        (42, "name_type", "not int"),
        (None, "name_type", "not NoneType"),
        (b"x", "name_type", "not bytes"),
        ("", "name_empty", "it is empty"),
        ("x" * 257, "name_length", "at most 256 characters"),
        ("sq.x", "name_reserved", "reserved, choose another"),
    ],
)
def test_a_wrong_name_is_refused_and_said(
    bench: Bench, caplog: pytest.LogCaptureFixture, name: Any, cause: str, said: str
) -> None:
    """A name that can't be taken neither raises nor is silent."""
    assert bench.track(name) is None

    assert not bench.events
    assert bench.guard.counts == {cause: 1}
    assert said in caplog.text


@pytest.mark.parametrize(
    ("options", "cause", "said"),
    [
        ({"propertys": {}}, "option_unknown", "there are: collect_body, properties"),
        ({1: 2}, "option_unknown", "does not know the option 1"),
        ("x", "options_type", "not as str"),
        ({"properties": ["a"]}, "properties_type", "not list"),
        ({"user_identifiers": "me@x"}, "identifiers_type", "not str"),
        ({"user_identifiers": {str(i): i for i in range(17)}}, "identifiers_count", "at most 16"),
        ({"timestamp": 1700000000}, "timestamp_type", "must be a datetime, not int"),
        ({"timestamp": datetime(2026, 1, 1)}, "timestamp_naive", "taken as UTC"),  # noqa: DTZ001
    ],
)
def test_wrong_options_are_said_and_the_event_is_kept(
    bench: Bench, caplog: pytest.LogCaptureFixture, options: Any, cause: str, said: str
) -> None:
    """What is wrong with an option is logged with the fix; the event stays."""
    assert bench.track("x", options)

    assert len(bench.events) == 1
    assert bench.guard.counts == {cause: 1}
    assert said in caplog.text


def test_the_first_16_properties_are_kept(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Of more properties the first inserted ones stay, and a warning says which went."""
    bench.track("x", properties={f"p{99 - index}": index for index in range(18)})

    [event] = bench.events
    assert list(event.properties) == [f"p{99 - index}" for index in range(16)]
    assert event.truncated
    assert "left out: 'p83', 'p82'" in caplog.text


def test_a_naive_timestamp_is_utc(bench: Bench) -> None:
    """A datetime without a zone is read as UTC."""
    bench.track("x", timestamp=datetime(1970, 1, 2))  # noqa: DTZ001 that is the point

    assert bench.events[0].timestamp == 86_400_000


def test_extreme_timestamps_stay_in_range(bench: Bench) -> None:
    """The earliest datetime of the farthest zone is the earliest that the wire knows."""
    bench.track("x", timestamp=datetime.min.replace(tzinfo=timezone(timedelta(hours=14))))

    assert bench.events[0].timestamp == MIN_TIMESTAMP


def test_a_time_zone_that_fails_costs_no_event(bench: Bench) -> None:
    """A timestamp whose time zone raises is taken as the present."""

    class Broken(tzinfo):
        def utcoffset(self, _: datetime | None) -> timedelta:
            raise RuntimeError("no offset")

        dst = utcoffset

        def tzname(self, _: datetime | None) -> str:
            return "broken"

    assert bench.track("x", timestamp=datetime(2026, 1, 1, tzinfo=Broken()))
    assert bench.events[0].timestamp > 1_700_000_000_000
    assert bench.guard.counts == {"timestamp": 1}


def test_the_present_is_the_default(bench: Bench) -> None:
    """Without a timestamp the event happens now."""
    before = datetime.now(UTC).timestamp() * 1000
    bench.track("x")

    assert before - 1 <= bench.events[0].timestamp <= datetime.now(UTC).timestamp() * 1000 + 1


def test_later_changes_to_arguments_do_not_show(bench: Bench) -> None:
    """What the app does to its objects after the call is not seen."""
    properties = {"items": [1]}
    identity = {"id": 1, "none": None}

    bench.track("x", properties=properties, user_identifiers=identity)
    properties["items"].append(2)
    identity["id"] = 2

    assert bench.events[0].properties == {"items": [1]}
    assert bench.events[0].identity == Identity(identifiers={"id": "1"}, traits={})


def test_a_fault_of_ours_does_not_reach_the_app() -> None:
    """Should the queue raise, the app gets None and the fault is counted."""

    def broken(_: PendingEvent) -> bool:
        raise RuntimeError("broken")

    guard = Guard()

    tracker = tracker_of(broken, guard)

    assert tracker.track(None, "x", options=None, keywords={}) is None
    assert guard.counts == {"track": 1}


def test_a_running_request_holds_an_event_back(bench: Bench) -> None:
    """An event is ready when its request has ended, or a second after it was tracked."""
    context = Asked()
    bench.tracker.track(context, "x", options=None, keywords={})
    [event] = bench.events

    assert not event.ready(event.tracked_at + 0.99)
    assert event.ready(event.tracked_at + 1.0)
    context.finish()
    assert event.ready(event.tracked_at)
