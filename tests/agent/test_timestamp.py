"""An event keeps the time of its timestamp if it can be read, and else gets the current time."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.local import LocalProxy

import sqreen_mw as sqreen
from sqreen_mw.agent.arguments import Arguments
from sqreen_mw.agent.guard import Guard
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP
from tests.support.optional import need_module

NOW = 1_700_000_000_000
PAID_AT = datetime(2020, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
PAID_MS = 1_577_934_245_678
ABROAD = timezone(timedelta(hours=14))


def read(timestamp: object) -> tuple[int, dict[str, int]]:
    """Return the milliseconds of a timestamp, and the misuse."""
    guard = Guard()
    return Arguments(guard).to_epoch_ms(timestamp, NOW), guard.counts


def broken(*_: object, **__: object) -> Any:
    """Raise."""
    raise TypeError("broken")


def subclass(**members: Any) -> type[datetime]:
    """Return a subclass of datetime with other members."""
    return type("Moment", (datetime,), members)


OPERATORS = ("add", "radd", "sub", "rsub", "eq", "ne", "lt", "le", "gt", "ge", "hash", "bool")
CONVERSIONS = ("timestamp", "astimezone", "replace", "utcoffset", "isoformat", "date", "time")
ATTRIBUTES = ("year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold")


@pytest.mark.parametrize(
    "members",
    [
        {f"__{name}__": broken for name in OPERATORS},
        {f"__{name}__": lambda *_: False for name in OPERATORS if name not in {"hash", "bool"}},
        dict.fromkeys(CONVERSIONS, broken),
        {name: property(broken) for name in ATTRIBUTES},
        {name: property(lambda _: 7) for name in ATTRIBUTES},
        {"__getattribute__": broken},
        {"__str__": broken, "__repr__": broken, "__reduce__": broken, "__format__": broken},
    ],
    ids=["operators", "comparisons", "methods", "properties", "values", "attributes", "texts"],
)
def test_subclass_that_differs_keeps_its_time(members: dict[str, Any]) -> None:
    """Methods of datetime itself read the value."""
    moment = subclass(**members)(2020, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)

    assert read(moment) == (PAID_MS, {})


@pytest.mark.parametrize(
    "make",
    [
        lambda: need_module("pendulum", package="pendulum").instance(PAID_AT),
        lambda: need_module("pendulum", package="pendulum").instance(PAID_AT, tz="Asia/Tokyo"),
        lambda: need_module("pandas", package="pandas").Timestamp(PAID_AT),
        lambda: need_module("pandas", package="pandas").Timestamp(PAID_AT).as_unit("ns"),
        lambda: need_module("pandas", package="pandas").Timestamp(PAID_AT).tz_convert("US/Eastern"),
        lambda: need_module("arrow", package="arrow").get(PAID_AT),
        lambda: need_module("arrow", package="arrow").get(PAID_AT).to("Asia/Tokyo"),
        lambda: LocalProxy(lambda: PAID_AT),
        lambda: PAID_AT.astimezone(ZoneInfo("America/New_York")),
    ],
    ids=["pendulum", "zone", "pandas", "ns", "eastern", "arrow", "tokyo", "proxy", "standard"],
)
def test_datetime_of_a_library_keeps_its_time(make: Callable[[], Any]) -> None:
    """Pendulum, pandas and Arrow, in any time zone, and proxies of a datetime."""
    assert read(make()) == (PAID_MS, {})


def test_fake_datetime_keeps_its_time() -> None:
    """A datetime of freezegun, read while the clock is frozen and afterwards."""
    freezegun = need_module("freezegun", package="freezegun")
    with freezegun.freeze_time(PAID_AT):
        fake = freezegun.api.FakeDatetime.now(UTC)
        assert type(fake).__name__ == "FakeDatetime"
        assert read(fake) == (PAID_MS, {})
        assert read(PAID_AT) == (PAID_MS, {})

    assert read(fake) == (PAID_MS, {})


@pytest.mark.parametrize(
    "make",
    [
        lambda: need_module("pandas", package="pandas").NaT,
        lambda: need_module("pandas", package="pandas").Timestamp(
            need_module("numpy", package="numpy").datetime64("20000-01-01", "s")
        ),
        lambda: date(2020, 1, 2),
        lambda: "2020-01-02",
        lambda: float("nan"),
        lambda: LocalProxy({}.popitem),
        lambda: datetime,
    ],
    ids=["NaT", "year 20000", "date", "text", "number", "unbound", "class"],
)
def test_value_without_a_readable_time_uses_the_current_one(make: Callable[[], Any]) -> None:
    """The misuse is counted, and the event is kept."""
    assert read(make()) == (NOW, {"timestamp_type": 1})


@pytest.mark.parametrize("offset", [broken, lambda *_: timedelta(days=2), lambda *_: 7])
def test_broken_time_zone_uses_the_current_time(offset: Callable[..., Any]) -> None:
    """A time zone may raise, or return an offset that is not possible."""
    zone = type("Zone", (tzinfo,), {"utcoffset": offset})()

    assert read(datetime(2020, 1, 2, tzinfo=zone)) == (NOW, {"timestamp_type": 1})


def test_naive_timestamp_is_utc() -> None:
    """A datetime without a time zone is UTC, also if its zone has no offset."""
    zone = type("Zone", (tzinfo,), {"utcoffset": lambda *_: None})()

    assert read(PAID_AT.replace(tzinfo=None)) == (PAID_MS, {"timestamp_naive": 1})
    assert read(PAID_AT.replace(tzinfo=zone)) == (PAID_MS, {"timestamp_naive": 1})


def test_extreme_timestamps_stay_in_range() -> None:
    """The earliest and the latest datetime become those of the wire format."""
    assert read(datetime.min.replace(tzinfo=ABROAD)) == (MIN_TIMESTAMP, {})
    assert read(datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))) == (MAX_TIMESTAMP, {})


@given(st.datetimes(timezones=st.timezones()), st.booleans())
def test_time_is_that_of_the_standard_library(moment: datetime, fold: object) -> None:
    """The milliseconds are those of ``datetime``, in skipped and repeated hours too."""
    moment = moment.replace(fold=int(bool(fold)))
    exact = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    assert read(moment) == (exact, {})


def test_current_time_is_the_default(memory: list[Event]) -> None:
    """An event without a timestamp gets the current time."""
    before = time.time_ns() // 1_000_000
    sqreen.track("x")
    sqreen.track("y", {})

    assert sqreen.flush()
    assert all(before <= event.timestamp <= time.time() * 1000 for event in memory)
