import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from werkzeug.local import LocalProxy

from sqreen_mw.agent.arguments import Arguments
from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.context import Identity
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.agent.pending import PendingEvent
from sqreen_mw.agent.tracker import Tracker
from sqreen_mw.protocol.limits import MIN_TIMESTAMP
from tests.support.cpu_time import CALLER_SECONDS, cpu_seconds
from tests.support.samples import StubRequest


def tracker_of(put: Callable[[PendingEvent], bool], guard: Guard) -> Tracker:
    """Return a tracker that hands its events to a function."""
    return Tracker(
        put=put,
        agent=NullAgent(Config()),
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


def test_a_name_may_be_of_a_subclass(bench: Bench) -> None:
    """A str of the app's own class is a name, told as plain text."""

    class Name(str):
        __slots__ = ()

    bench.track(Name("x"))

    assert type(bench.events[0].name) is str


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
        ({1: 2}, "option_unknown", "does not know the option '1'"),
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


class Hostile(Mapping[str, Any]):
    """A mapping that raises whatever it is asked."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("iter")

    def __len__(self) -> int:
        raise RuntimeError("len")


class Unspeakable:
    """A key that has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (Hostile(), "options_read"),
        ({"properties": Hostile()}, "properties_read"),
        ({"user_identifiers": Hostile()}, "identifiers_read"),
        ({"properties": LocalProxy({}.popitem)}, "properties_read"),
        ({"user_identifiers": LocalProxy({}.popitem)}, "identifiers_read"),
        ({"timestamp": LocalProxy({}.popitem)}, "timestamp"),
        ({"collect_body": "false"}, "collect_body_type"),
        ({"collect_body": []}, "collect_body_type"),
        ({Unspeakable(): 1}, "option_unknown"),
    ],
)
def test_hostile_options_cost_no_event(bench: Bench, options: Any, cause: str) -> None:
    """What raises when it is read is passed over and counted; the rest is kept."""
    assert bench.track("x", options)

    assert len(bench.events) == 1
    assert not bench.events[0].with_body
    assert bench.guard.counts[cause] == 1


def test_keywords_survive_options_that_raise(bench: Bench) -> None:
    """Where the dict can't be read, the keywords beside it are taken."""
    bench.track("x", Hostile(), properties={"a": 1})
    bench.tracker.signup_track(None, Hostile(), keywords={"email": "a@b.c"})
    bench.tracker.signup_track(None, "jane", keywords={"email": "a@b.c"})

    tracked, *signups = bench.events
    assert tracked.properties == {"a": 1}
    for signup in signups:
        assert signup.identity == Identity(identifiers={"email": "a@b.c"}, traits={})


def test_identifiers_come_in_both_forms(bench: Bench) -> None:
    """Identifiers of a dict and keywords come together, and keywords win."""
    bench.tracker.signup_track(None, {"id": 1, "email": "old"}, keywords={"email": "new"})

    assert bench.events[0].identity == Identity(identifiers={"id": "1", "email": "new"}, traits={})


class Numpy:
    """A truth of another library, as numpy's bool is."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return self._value is other

    __hash__ = object.__hash__


@pytest.mark.parametrize(
    ("success", "told"), [(True, True), (1, True), (Numpy(True), True), (0, False), (0.0, False)]
)
def test_a_login_takes_what_equals_true_or_false(
    bench: Bench, success: object, told: object
) -> None:
    """Success may be a bool of another kind; what is told is a bool."""
    assert bench.tracker.auth_track(None, success, {"id": 1}, keywords={})

    assert bench.events[0].properties["success"] is told
    assert bench.guard.counts == {}


@pytest.mark.parametrize("success", [None, {"email": "a@b.c"}, "false", "", [], Hostile(), 2])
def test_a_login_that_forgets_its_success_is_not_taken(
    bench: Bench, caplog: pytest.LogCaptureFixture, success: object
) -> None:
    """A user in the place of the success is no successful login."""
    context = StubRequest()

    assert bench.tracker.auth_track(context, success, None, keywords={"id": 1}) is None

    assert not bench.events
    assert context.identity is None
    assert bench.guard.counts == {"auth_success": 1}
    assert f"not {type(success).__name__}: did the login succeed?" in caplog.text


def test_a_login_or_signup_of_nobody_is_said(bench: Bench) -> None:
    """Outside a request, and in one that nobody is known of, a user is asked for."""
    bench.tracker.auth_track(None, True, None, keywords={})
    bench.tracker.signup_track(None, {}, keywords={})
    bench.tracker.signup_track(StubRequest(), {"id": None}, keywords={})

    assert len(bench.events) == 3
    assert bench.guard.counts == {"identifiers_empty": 3}


def test_a_login_of_whom_the_request_knows_is_complete(bench: Bench) -> None:
    """A request's user need not be named again, and a login that fails may name nobody."""
    context = StubRequest()
    bench.tracker.identify(context, {"id": 1}, None, keywords={})
    bench.tracker.auth_track(context, True, None, keywords={})
    bench.tracker.auth_track(None, False, None, keywords={})

    assert bench.events[0].identity == Identity(identifiers={"id": "1"}, traits={})
    assert bench.events[1].identity is None
    assert bench.guard.counts == {}


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
def test_a_wrong_call_is_quick(cause: str, options: dict[Any, Any]) -> None:
    """However much is left out, the caller waits less than 5 ms for the line that says so."""

    def call() -> None:
        bench = Bench()
        bench.track("x", options)
        assert bench.guard.counts == {cause: 1}

    assert cpu_seconds(call) < CALLER_SECONDS


def test_a_long_name_is_refused_quickly_and_briefly(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a name or a key that is much too long, the log has what a line holds, or its length."""
    bench.track("x" * 4_000_000)
    bench.track("x", {"y" * 4_000_000: 1})

    assert len(caplog.text) < 3000
    assert "does not know the option <4000000 characters>" in caplog.text


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
    context = StubRequest()
    bench.tracker.track(context, "x", options=None, keywords={})
    [event] = bench.events

    assert not event.ready(event.tracked_at + 0.99)
    assert event.ready(event.tracked_at + 1.0)
    context.finish()
    assert event.ready(event.tracked_at)
