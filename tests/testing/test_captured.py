from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

import sqreen_mw as sqreen
from sqreen_mw.testing import CapturedEvents, capture_events

ENVIRON = {
    "REQUEST_METHOD": "POST",
    "PATH_INFO": "/login",
    "QUERY_STRING": "next=%2F",
    "REMOTE_ADDR": "203.0.113.9",
}
ORDER = UUID("01890000-0000-7000-8000-000000000000")
AT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def events() -> Iterator[CapturedEvents]:
    """Track two logins and an order."""
    with capture_events() as captured:
        for success in (False, True):
            sqreen.track(
                "login",
                properties={"success": success},
                user_identifiers={"email": "jane@example.org"},
                request={**ENVIRON},
            )
        sqreen.track(
            "order", properties={"id": ORDER, "at": AT, "total": Decimal("9.90"), "rows": (1, 2)}
        )
        yield captured


def test_behaves_like_a_list(events: CapturedEvents) -> None:
    """It has a length, an order and slices, and compares with lists."""
    assert len(events) == 3
    assert events.names == ["login", "login", "order"]
    assert events[-1] is not None
    assert events == list(events) == events[:]
    assert events == events[:]
    assert events != []
    assert events.named("login") == events[:2]
    assert events.named("logout") == []
    with pytest.raises(TypeError):
        hash(events)


def test_assertion_needs_only_some_values(events: CapturedEvents) -> None:
    """The event that has the given values is found and returned."""
    event = events.assert_tracked(
        "login",
        properties={"success": True},
        user_identifiers={"email": "jane@example.org"},
        request={"path": "/login", "ip": "203.0.113.9", "params": {"query": {"next": ["/"]}}},
    )

    assert event == events[1]
    assert events.assert_tracked("order") == events.one("order")


def test_values_compare_as_the_app_passed_them(events: CapturedEvents) -> None:
    """A UUID, decimal, datetime or tuple equals its sent form."""
    events.assert_tracked("order", properties={"id": ORDER, "at": AT, "total": Decimal("9.90")})
    events.assert_tracked("order", properties={"id": str(ORDER), "rows": (1, 2)})
    sqreen.signup_track({"id": 7})
    events.assert_tracked("sq.sdk.users.signup", user_identifiers={"id": 7})


@pytest.mark.parametrize(
    ("wanted", "difference"),
    [
        ({"properties": {"success": 7}}, "properties['success'] is False, expected 7"),
        ({"properties": {"code": 7}}, "properties['code'] is missing, expected 7"),
        ({"request": {"verb": "GET"}}, "request['verb'] is 'POST', expected 'GET'"),
        ({"request": {"method": "GET"}}, "request['method'] is missing, expected 'GET'"),
        (
            {"request": {"params": {"query": {}}}},
            "request['params']['query'] is {'next': ['/']}, expected {}",
        ),
    ],
)
def test_failure_shows_the_differences(
    events: CapturedEvents, wanted: dict[str, Any], difference: str
) -> None:
    """The message shows the differences of the nearest event and lists all events."""
    with pytest.raises(AssertionError) as raised:
        events.assert_tracked("login", **wanted)

    lines = str(raised.value).splitlines()
    assert lines[:3] == [
        "no event named 'login' is as expected; the nearest one differs:",
        f"  {difference}",
        "Tracked:",
    ]
    assert lines[3] == (
        "  1. login {'success': False} by {'email': 'jane@example.org'} "
        "in POST /login from 203.0.113.9"
    )
    assert len(lines) == 6


def test_missing_name_is_reported_with_the_list(events: CapturedEvents) -> None:
    """The message lists all events if none or several have the name."""
    with pytest.raises(AssertionError, match=r"no event is named 'logout', one was expected\nTr"):
        events.one("logout")
    with pytest.raises(AssertionError, match="2 events are named 'login', one was expected"):
        events.one("login")
    with pytest.raises(AssertionError, match=r"no event is named 'logout'\nTracked:\n  1\. login"):
        events.assert_tracked("logout")


def test_wrong_calls_are_counted_in_the_failure() -> None:
    """Without events, the message counts the wrong calls."""
    with capture_events() as events:
        sqreen.track("")
    with pytest.raises(AssertionError) as raised:
        events.one("x")

    assert str(raised.value).splitlines()[1:] == [
        "Nothing was tracked.",
        "Dropped events and wrong calls (see the log of sqreen_mw): name_empty (1)",
    ]


def test_repr_is_short(events: CapturedEvents) -> None:
    """The representation shortens each event to one line."""
    sqreen.track("long", properties={"text": "x" * 1000})

    assert repr(events).startswith("[login {'success': False} by {'email'")
    assert repr(events).endswith("xxx...]")
    assert len(repr(events)) < 900
