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


def test_is_like_a_list(events: CapturedEvents) -> None:
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


def test_a_part_of_an_event_is_enough(events: CapturedEvents) -> None:
    """The event that has the named values is found, and returned."""
    event = events.assert_tracked(
        "login",
        properties={"success": True},
        user_identifiers={"email": "jane@example.org"},
        request={"path": "/login", "ip": "203.0.113.9", "params": {"query": {"next": ["/"]}}},
    )

    assert event == events[1]
    assert events.assert_tracked("order") == events.one("order")


def test_values_are_expected_as_the_app_gave_them(events: CapturedEvents) -> None:
    """A UUID, a decimal, a datetime or a tuple is compared as it would be sent."""
    events.assert_tracked("order", properties={"id": ORDER, "at": AT, "total": Decimal("9.90")})
    events.assert_tracked("order", properties={"id": str(ORDER), "rows": (1, 2)})


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"properties": {"success": 7}}, "properties['success'] is False, expected 7"),
        ({"properties": {"code": 7}}, "properties['code'] is not there, expected 7"),
        ({"request": {"verb": "GET"}}, "request['verb'] is 'POST', expected 'GET'"),
        ({"request": {"method": "GET"}}, "request['method'] is not there, expected 'GET'"),
        (
            {"request": {"params": {"query": {}}}},
            "request['params']['query'] is {'next': ['/']}, expected {}",
        ),
    ],
)
def test_a_failure_says_what_differs(
    events: CapturedEvents, expected: dict[str, Any], said: str
) -> None:
    """The nearest event is named with what differs, and all that was tracked is listed."""
    with pytest.raises(AssertionError) as raised:
        events.assert_tracked("login", **expected)

    lines = str(raised.value).splitlines()
    assert lines[:3] == [
        "no event named 'login' is as expected; the nearest one differs:",
        f"  {said}",
        "Tracked:",
    ]
    assert lines[3] == (
        "  1. login {'success': False} by {'email': 'jane@example.org'} "
        "in POST /login from 203.0.113.9"
    )
    assert len(lines) == 6


def test_a_name_that_is_not_there_is_said(events: CapturedEvents) -> None:
    """Without an event of the name, or with several where one is meant, the list is shown."""
    with pytest.raises(AssertionError, match=r"no event is named 'logout', one was expected\nTr"):
        events.one("logout")
    with pytest.raises(AssertionError, match="2 events are named 'login', one was expected"):
        events.one("login")
    with pytest.raises(AssertionError, match=r"no event is named 'logout'\nTracked:\n  1\. login"):
        events.assert_tracked("logout")


def test_a_wrong_call_is_told_of() -> None:
    """Where nothing was tracked, the failure counts the calls that were wrong."""
    with capture_events() as events:
        sqreen.track("")
    with pytest.raises(AssertionError) as raised:
        events.one("x")

    assert str(raised.value).splitlines()[1:] == [
        "Nothing was tracked.",
        "Not kept, or wrong (the log of sqreen_mw says more): name_empty (1)",
    ]


def test_shows_itself_in_short(events: CapturedEvents) -> None:
    """The representation has a short text an event, however much it holds."""
    sqreen.track("long", properties={"text": "x" * 1000})

    assert repr(events).startswith("[login {'success': False} by {'email'")
    assert repr(events).endswith("xxx...]")
    assert len(repr(events)) < 900
