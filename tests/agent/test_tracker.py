import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from werkzeug.local import LocalProxy

from sqreen_mw.agent.arguments import Arguments
from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.context import Identity
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.agent.sealing import PendingEvent
from sqreen_mw.agent.tracker import Tracker
from tests.support.cpu_time import CALLER_SECONDS, cpu_seconds
from tests.support.samples import StubRequest


def tracker_of(put: Callable[[PendingEvent], bool], guard: Guard) -> Tracker:
    """Return a tracker that calls a function with its events."""
    return Tracker(
        put=put,
        agent=NullAgent(Config()),
        arguments=Arguments(guard),
        guard=guard,
        ip_header="x-forwarded-for",
    )


class TrackerHarness:
    """A tracker that keeps its events in a list."""

    def __init__(self, *, accepts: bool = True) -> None:
        self.events: list[PendingEvent] = []
        self.accepts = accepts
        self.guard = Guard()
        self.tracker = tracker_of(self.put, self.guard)

    def put(self, event: PendingEvent) -> bool:
        """Keep an event, or reject it."""
        if self.accepts:
            self.events.append(event)
        return self.accepts

    def track(self, name: Any, options: Any = None, **keywords: Any) -> str | None:
        """Track like an app."""
        return self.tracker.track(None, name, options=options, keywords=keywords)


@pytest.fixture
def harness() -> TrackerHarness:
    """Return a tracker."""
    return TrackerHarness()


def test_options_as_dict_or_keywords_give_the_same_event(harness: TrackerHarness) -> None:
    """Keywords win if both are given."""
    when = datetime(2018, 3, 15, 14, 42, tzinfo=timezone(timedelta(hours=1)))
    options = {"properties": {"a": 1}, "user_identifiers": {"id": 7}, "timestamp": when}

    harness.track("x", options)
    harness.track("x", **options)
    harness.track("x", {"properties": {"a": 0}}, **options)

    for event in harness.events:
        assert event.properties == {"a": 1}
        assert event.identity == Identity(identifiers={"id": "7"}, traits={})
        assert event.timestamp == 1_521_121_320_000
    assert harness.guard.counts == {}


def test_track_returns_the_id_of_the_event(harness: TrackerHarness) -> None:
    """The id is a UUID of version 7."""
    event_id = harness.track("x")

    assert event_id == harness.events[0].id
    assert uuid.UUID(event_id).version == 7


def test_name_can_be_a_subclass_of_str(harness: TrackerHarness) -> None:
    """The event contains plain text."""

    class Name(str):
        __slots__ = ()

    harness.track(Name("x"))

    assert type(harness.events[0].name) is str


def test_track_returns_none_if_the_queue_rejects_the_event() -> None:
    """The app gets no id for a lost event."""
    assert TrackerHarness(accepts=False).track("x") is None


@pytest.mark.parametrize(
    ("name", "cause", "expected"),
    [
        (42, "name_type", "not int"),
        (None, "name_type", "not NoneType"),
        (b"x", "name_type", "not bytes"),
        ("", "name_empty", "it is empty"),
        ("x" * 257, "name_length", "at most 256 characters"),
        ("sq.x", "name_reserved", "reserved, choose another name"),
    ],
)
def test_wrong_name_is_rejected_and_logged(
    harness: TrackerHarness, caplog: pytest.LogCaptureFixture, name: Any, cause: str, expected: str
) -> None:
    """A wrong name does not raise."""
    assert harness.track(name) is None

    assert not harness.events
    assert harness.guard.counts == {cause: 1}
    assert expected in caplog.text


@pytest.mark.parametrize(
    ("options", "cause", "expected"),
    [
        ({"propertys": {}}, "option_unknown", "The options are: collect_body, properties"),
        ({1: 2}, "option_unknown", "has no option '1'"),
        ("x", "options_type", "not as str"),
        ({"properties": ["a"]}, "properties_type", "not list"),
        ({"user_identifiers": "me@x"}, "identifiers_type", "not str"),
        ({"user_identifiers": {str(i): i for i in range(17)}}, "identifiers_count", "at most 16"),
        ({"timestamp": 1700000000}, "timestamp_type", "a datetime that can be read, not int"),
        ({"timestamp": datetime(2026, 1, 1)}, "timestamp_naive", "UTC is assumed"),  # noqa: DTZ001
    ],
)
def test_wrong_options_are_logged_and_the_event_is_kept(
    harness: TrackerHarness,
    caplog: pytest.LogCaptureFixture,
    options: Any,
    cause: str,
    expected: str,
) -> None:
    """The log line contains the fix."""
    assert harness.track("x", options)

    assert len(harness.events) == 1
    assert harness.guard.counts == {cause: 1}
    assert expected in caplog.text


def test_the_first_16_properties_are_kept(
    harness: TrackerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning contains the names of the others."""
    harness.track("x", properties={f"p{99 - index}": index for index in range(18)})

    [event] = harness.events
    assert list(event.properties) == [f"p{99 - index}" for index in range(16)]
    assert event.truncated
    assert "ignored: 'p83', 'p82'" in caplog.text


def test_later_changes_to_arguments_have_no_effect(harness: TrackerHarness) -> None:
    """The event contains copies."""
    properties = {"items": [1]}
    identity = {"id": 1, "none": None}

    harness.track("x", properties=properties, user_identifiers=identity)
    properties["items"].append(2)
    identity["id"] = 2

    assert harness.events[0].properties == {"items": [1]}
    assert harness.events[0].identity == Identity(identifiers={"id": "1"}, traits={})


class Hostile(Mapping[str, Any]):
    """A mapping whose methods all raise."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("iter")

    def __len__(self) -> int:
        raise RuntimeError("len")


class Unprintable:
    """A key without text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (Hostile(), "options"),
        ({"properties": Hostile()}, "properties"),
        ({"user_identifiers": Hostile()}, "identifiers"),
        ({"properties": LocalProxy({}.popitem)}, "properties"),
        ({"user_identifiers": LocalProxy({}.popitem)}, "identifiers"),
        ({"timestamp": LocalProxy({}.popitem)}, "timestamp_type"),
        ({"collect_body": "false"}, "collect_body_type"),
        ({"collect_body": []}, "collect_body_type"),
        ({Unprintable(): 1}, "option_unknown"),
    ],
)
def test_hostile_options_are_ignored(harness: TrackerHarness, options: Any, cause: str) -> None:
    """Options that raise are counted and ignored; the event is kept."""
    assert harness.track("x", options)

    assert len(harness.events) == 1
    assert not harness.events[0].with_body
    assert harness.guard.counts[cause] == 1


def test_keywords_survive_options_that_raise(harness: TrackerHarness) -> None:
    """If the dict cannot be read, the keywords are used."""
    harness.track("x", Hostile(), properties={"a": 1})
    harness.tracker.signup_track(None, Hostile(), keywords={"email": "a@b.c"})
    harness.tracker.signup_track(None, "jane", keywords={"email": "a@b.c"})

    tracked, *signups = harness.events
    assert tracked.properties == {"a": 1}
    for signup in signups:
        assert signup.identity is not None
        assert signup.identity.identifiers == {"email": "a@b.c"}


def test_identifiers_of_dict_and_keywords_are_merged(harness: TrackerHarness) -> None:
    """Keywords win."""
    harness.tracker.signup_track(None, {"id": 1, "email": "old"}, keywords={"email": "new"})

    assert harness.events[0].identity == Identity(
        identifiers={"id": "1", "email": "new"}, traits={}, source="established"
    )


class OtherBool:
    """A bool of another library, like numpy's."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return self._value is other

    __hash__ = object.__hash__


@pytest.mark.parametrize(
    ("success", "expected"),
    [(True, True), (1, True), (OtherBool(True), True), (0, False), (0.0, False)],
)
def test_success_of_a_login_can_be_another_bool(
    harness: TrackerHarness, success: object, expected: object
) -> None:
    """Values that equal True or False become a bool."""
    assert harness.tracker.auth_track(None, success, {"id": 1}, keywords={})

    assert harness.events[0].properties["success"] is expected
    assert harness.guard.counts == {}


@pytest.mark.parametrize("success", [None, {"email": "a@b.c"}, "false", "", [], Hostile(), 2])
def test_login_without_success_is_rejected(
    harness: TrackerHarness, caplog: pytest.LogCaptureFixture, success: object
) -> None:
    """A user in place of the success is not a successful login."""
    context = StubRequest()

    assert harness.tracker.auth_track(context, success, None, keywords={"id": 1}) is None

    assert not harness.events
    assert context.identity is None
    assert harness.guard.counts == {"auth_success": 1}
    assert f"not {type(success).__name__}: did the login succeed?" in caplog.text


def test_login_or_signup_without_user_is_logged(harness: TrackerHarness) -> None:
    """A user is required outside of requests, and in requests without a user."""
    harness.tracker.auth_track(None, True, None, keywords={})
    harness.tracker.signup_track(None, {}, keywords={})
    harness.tracker.signup_track(StubRequest(), {"id": None}, keywords={})

    assert len(harness.events) == 3
    assert harness.guard.counts == {"identifiers_empty": 3}


def test_login_uses_the_identified_user(harness: TrackerHarness) -> None:
    """The user of the request is enough, and a failed login needs no user."""
    context = StubRequest()
    harness.tracker.identify(context, {"id": 1}, None, keywords={})
    harness.tracker.auth_track(context, True, None, keywords={})
    harness.tracker.auth_track(None, False, None, keywords={})

    assert harness.events[0].identity == Identity(
        identifiers={"id": "1"}, traits={}, source="established"
    )
    assert harness.events[1].identity is None
    assert harness.guard.counts == {}


@pytest.mark.parametrize(
    ("cause", "options"),
    [
        ("option_unknown", dict.fromkeys(range(100_000))),
        ("option_unknown", {"x" * 4_000_000: 1}),
        ("properties_count", {"properties": dict.fromkeys(range(100_000))}),
        ("properties_count", {"properties": dict.fromkeys([*range(16), "x" * 4_000_000])}),
        ("identifiers_count", {"user_identifiers": dict.fromkeys(range(100_000))}),
    ],
    ids=["options", "option", "properties", "property", "identifiers"],
)
def test_wrong_call_is_fast(cause: str, options: dict[Any, Any]) -> None:
    """Logging many or long names blocks the caller for less than 5 ms."""

    def call() -> None:
        harness = TrackerHarness()
        harness.track("x", options)
        assert harness.guard.counts == {cause: 1}

    assert cpu_seconds(call) < CALLER_SECONDS


def test_log_line_shortens_long_names(
    harness: TrackerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """The log line contains the beginning of a long name, or the length of a long key."""
    harness.track("x" * 4_000_000)
    harness.track("x", {"y" * 4_000_000: 1})

    assert len(caplog.text) < 3000
    assert "has no option <4000000 characters>" in caplog.text


def test_internal_error_does_not_reach_the_app() -> None:
    """If the queue raises, the app gets None and the error is counted."""

    def broken(_: PendingEvent) -> bool:
        raise RuntimeError("broken")

    guard = Guard()

    tracker = tracker_of(broken, guard)

    assert tracker.track(None, "x", options=None, keywords={}) is None
    assert guard.counts == {"track": 1}


def test_running_request_delays_its_events(harness: TrackerHarness) -> None:
    """An event is ready when its request has ended, or one second after track()."""
    context = StubRequest()
    harness.tracker.track(context, "x", options=None, keywords={})
    [event] = harness.events

    assert not event.ready(event.tracked_at + 0.99)
    assert event.ready(event.tracked_at + 1.0)
    context.finish()
    assert event.ready(event.tracked_at)
