"""Values that ``before_send`` adds are accepted exactly like values given to ``track()``."""

import decimal
import enum
import ipaddress
import math
import uuid
from collections import ChainMap, OrderedDict, UserString
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec import structs

import sqreen_mw as sqreen
from sqreen_mw.agent.config.config import Settings
from sqreen_mw.agent.runtime import configure
from sqreen_mw.protocol.event import Event, RequestInfo
from sqreen_mw.protocol.limits import MAX_TIMESTAMP
from tests.support.optional import need_module

ORDER = uuid.UUID(int=7)
SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/",
    "query_string": b"a=1",
    "headers": [],
    "client": ("203.0.113.9", 1),
}


class Plan(enum.Enum):
    """A value of an app."""

    PRO = "pro"


@dataclass
class Customer:
    """An object of an app."""

    name: str = "ann"


class Broken:
    """An object without text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def nested(depth: int) -> list[Any]:
    """Return nested lists."""
    return [nested(depth - 1)] if depth else []


VALUES: list[Any] = [
    "caf\udce9.txt",
    "x" * 5000,
    "x" * 30_000,
    math.nan,
    -math.inf,
    10**30,
    decimal.Decimal("1.50"),
    uuid.UUID(int=7),
    ipaddress.ip_address("203.0.113.9"),
    datetime(2020, 1, 2, tzinfo=UTC),
    date(2020, 1, 2),
    timedelta(seconds=1.5),
    Plan.PRO,
    Customer(),
    Broken(),
    UserString("text"),
    b"\xff bytes",
    bytearray(b"x"),
    {1, 2},
    (1, (2, 3)),
    range(3),
    nested(9),
    list(range(5000)),
    {"a": {1: Customer(), None: {Plan.PRO}}},
    OrderedDict(b=1, a=2),
    ChainMap({"a": 1}, {"b": 2}),
    (number for number in range(3)),
    Customer,
    {"password": "hunter2", "card": 4111_1111_1111_1111},
    None,
]


def hook_with(**changes: Any) -> None:
    """Configure a hook that changes the events named ``hooked``."""

    def change(event: Event) -> Event:
        return event if event.name != "hooked" else structs.replace(event, **changes)

    configure(Settings(before_send=change))


def both(memory: list[Event], **options: Any) -> list[Event]:
    """Return an event with values of the hook, and one with the same values of ``track()``."""
    changes = {**options, **({} if "properties" in options else {"properties": {}})}
    hook_with(**changes)
    sqreen.track("hooked")
    sqreen.track("direct", **options)
    assert sqreen.flush()
    hooked, direct = memory
    return [hooked, direct]


def values_of(event: Event) -> tuple[object, ...]:
    """Return the values that a hook may change, without the name."""
    return event.properties, event.user_identifiers, event.timestamp, event.truncated


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_property_of_a_hook_is_that_of_track(memory: list[Event], value: Any) -> None:
    """Each value becomes the same JSON, and a value that is too large is cut in the same way."""
    hooked, direct = both(
        memory, properties={"value": value}, timestamp=datetime(2020, 1, 2, tzinfo=UTC)
    )

    assert values_of(hooked) == values_of(direct)
    assert sqreen.stats().misuse == {}


@pytest.mark.parametrize("name", ["int64", "float32", "bool_", "str_"])
def test_value_of_numpy_is_that_of_track(memory: list[Event], name: str) -> None:
    """Numbers of numpy become numbers."""
    value = getattr(need_module("numpy", package="numpy"), name)(3)
    hooked, direct = both(memory, properties={"value": value})

    assert hooked.properties == direct.properties


@pytest.mark.parametrize(
    "properties",
    [
        {f"p{index}": index for index in range(20)},
        {"k" * 300: 1, 7: 2, None: 3, Plan.PRO: 4},
        OrderedDict(b=1, a=2),
        {},
        None,
        ["a"],
        "text",
        dict.fromkeys(map(str, range(16)), "é" * 4000),
    ],
    ids=["count", "keys", "ordered", "empty", "none", "list", "text", "large"],
)
def test_properties_of_a_hook_are_those_of_track(memory: list[Event], properties: Any) -> None:
    """The same properties are kept, and the same misuse is counted."""
    hooked, direct = both(memory, properties=properties)

    assert hooked.properties == direct.properties
    assert hooked.truncated == direct.truncated
    assert all(count == 2 for count in sqreen.stats().misuse.values())


@pytest.mark.parametrize(
    "identifiers",
    [
        {"id": 7, "uuid": uuid.UUID(int=7), "none": None, "plan": Plan.PRO},
        {f"i{index}": index for index in range(20)},
        {"long": "x" * 1000},
        {"email": "caf\udce9"},
        ["a"],
        None,
    ],
    ids=["values", "count", "long", "surrogate", "list", "none"],
)
def test_identifiers_of_a_hook_are_those_of_track(memory: list[Event], identifiers: Any) -> None:
    """Identifiers become text."""
    hooked, direct = both(memory, user_identifiers=identifiers)

    assert hooked.user_identifiers == direct.user_identifiers
    assert hooked.truncated == direct.truncated
    assert hooked.identity == direct.identity


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (datetime(2020, 1, 2, tzinfo=UTC), 1_577_923_200_000),
        (1_577_923_200_000, 1_577_923_200_000),
        (10**30, MAX_TIMESTAMP),
        ("2020-01-02", None),
        (None, None),
    ],
)
def test_timestamp_of_a_hook(memory: list[Event], timestamp: Any, expected: int | None) -> None:
    """It is milliseconds, as the hook reads it, or a datetime. A wrong one changes nothing."""
    hook_with(timestamp=timestamp)
    sqreen.track("hooked", timestamp=datetime(2021, 1, 1, tzinfo=UTC))

    assert sqreen.flush()
    assert [event.timestamp for event in memory] == [expected or 1_609_459_200_000]


@pytest.mark.parametrize("name", [42, None, "", "x" * 257, "sq.own", b"bytes"])
def test_invalid_name_of_a_hook_drops_the_event(
    memory: list[Event], caplog: pytest.LogCaptureFixture, name: Any
) -> None:
    """``track()`` accepts no such name either; the line names the hook."""
    hook_with(name=name)
    sqreen.track("hooked")

    assert sqreen.flush()
    assert memory == []
    assert sqreen.stats().dropped == {"before_send": 1}
    assert caplog.messages[0].startswith("before_send")


def test_valid_name_of_a_hook_is_used(memory: list[Event]) -> None:
    """Subclasses of str and lone surrogates become plain text; the SDK's own names stay."""
    configure(
        Settings(before_send=lambda event: structs.replace(event, name=f"{event.name}"[:20] + ""))
    )
    sqreen.track("caf\udce9")
    sqreen.auth_track(True, id=1)

    assert sqreen.flush()
    assert [event.name for event in memory] == ["caf?", "sq.sdk.users.login"]


def test_id_of_an_event_stays(memory: list[Event]) -> None:
    """The id is that of ``track()``, so the app finds the event."""
    hook_with(id="x")
    tracked = sqreen.track("hooked")

    assert sqreen.flush()
    assert [event.id for event in memory] == [tracked]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"path": ipaddress.ip_address("203.0.113.9")}, {"path": "203.0.113.9"}),
        ({"ip": ipaddress.ip_address("203.0.113.9")}, {"ip": "203.0.113.9"}),
        ({"user_agent": "x" * 5000}, {"user_agent": "x" * 4096}),
        ({"host": "caf\udce9"}, {"host": "caf?"}),
        ({"ip": None, "id": uuid.UUID(int=7)}, {"ip": None, "id": str(uuid.UUID(int=7))}),
    ],
)
def test_request_of_a_hook_is_copied(
    memory: list[Event], changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Its values are converted like properties."""
    change_request(lambda request: structs.replace(request, **changes))
    sqreen.track("x", request=SCOPE)

    assert sqreen.flush()
    [request] = [event.request for event in memory]
    assert {name: getattr(request, name) for name in expected} == expected
    assert request is not None
    assert request.params.query == {"a": ["1"]}


def test_parameters_of_a_hook_are_copied(memory: list[Event]) -> None:
    """They accept the values of properties too, at any depth."""

    def change(request: RequestInfo) -> RequestInfo:
        json = {"customer": Customer(), "plan": {Plan.PRO}, "deep": nested(9)}
        query: Any = OrderedDict(b=("2",), c=3, d=[True, ORDER])
        path: Any = {"id": ORDER, "page": 7}
        params = structs.replace(request.params, json=json, query=query, path=path)
        return structs.replace(request, params=params)

    change_request(change)
    sqreen.track("x", request=SCOPE)

    assert sqreen.flush()
    [event] = memory
    assert event.request is not None
    assert event.request.params.query == {"b": ["2"], "c": ["3"], "d": ["true", str(ORDER)]}
    assert event.request.params.path == {"id": str(ORDER), "page": "7"}
    assert event.request.params.json["plan"] == ["pro"]
    assert event.request.params.json["customer"] == str(Customer())
    assert event.truncated


@pytest.mark.parametrize("changes", [{"ip": "everywhere"}, {"status": 7}, {"params": 7}])
def test_invalid_request_of_a_hook_is_left_out(
    memory: list[Event], caplog: pytest.LogCaptureFixture, changes: dict[str, Any]
) -> None:
    """The event is kept; the hook may have removed data, so the former request is not sent."""
    change_request(lambda request: structs.replace(request, **changes))
    sqreen.track("x", request=SCOPE)

    assert sqreen.flush()
    assert [event.request for event in memory] == [None]
    assert sqreen.stats().misuse == {"before_send_request": 1}
    assert "sent without its request" in caplog.text


def change_request(change: Callable[[RequestInfo], RequestInfo]) -> None:
    """Configure a hook that changes requests."""

    def hook(event: Event) -> Event:
        assert event.request is not None
        return structs.replace(event, request=change(event.request))

    configure(Settings(before_send=hook))


def test_unchanged_event_stays_the_same(memory: list[Event]) -> None:
    """A hook that returns its event loses nothing, however large the request is."""
    query = b"&".join(b"%b=%d" % (b"n" * 300 + b"%d" % number, number) for number in range(40))
    scope = {**SCOPE, "query_string": query}
    configure(Settings(before_send=lambda event: event))
    sqreen.track("x", properties={"a": [1, {"b": 2}]}, user_identifiers={"id": 1}, request=scope)

    assert sqreen.flush()
    [event] = memory
    assert event.properties == {"a": [1, {"b": 2}]}
    assert event.request is not None
    assert len(event.request.params.query) == 40
    assert not event.truncated


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything = st.recursive(
    plain | st.binary(max_size=9) | st.decimals() | st.dates() | st.uuids(),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(plain, children, max_size=3)
        | st.frozensets(plain, max_size=3)
    ),
    max_leaves=9,
)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.dictionaries(st.text(max_size=9), anything, max_size=3))
def test_any_properties_of_a_hook_are_those_of_track(
    memory: list[Event], properties: dict[str, Any]
) -> None:
    """Whatever an app adds, both ways give the same event."""
    memory.clear()
    sqreen.close()
    hooked, direct = both(memory, properties=properties)

    assert (hooked.properties, hooked.truncated) == (direct.properties, direct.truncated)
