"""Time is divided into periods that never overlap."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.collector.events.sqlite.periods import (
    Period,
    find_period,
    new_period,
    parse_period,
)
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP


def _at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


NOW = _at("2026-12-15T13:00:00")
times = (
    st.integers(MIN_TIMESTAMP, MAX_TIMESTAMP)
    | st.integers(NOW - 10**11, NOW + 10**11)
    | st.integers(NOW - 10**9, NOW + 10**9)
)


@pytest.mark.parametrize(
    ("time", "name"),
    [
        ("2026-12-15T00:00:00", "2026-12-15"),
        ("2026-12-17T23:59:59.999", "2026-12-17"),
        ("2026-12-18T00:00:00", "2026-12-18_2026-12-31"),
        ("2026-11-05T00:00:00", "2026-11-05"),
        ("2026-11-04T23:59:59.999", "2026-11-01_2026-11-04"),
        ("2024-02-29T12:00:00", "2024-02-01_2024-02-29"),
        ("2030-01-01T00:00:00", "2030-01-01_2030-01-31"),
        ("1970-01-01T00:00:00", "0001-01-01_2016-11-30"),
        ("9999-12-31T23:59:59.999", "2036-12-01_9999-12-31"),
    ],
)
def test_periods_are_short_near_the_present(time: str, name: str) -> None:
    """Days are near the present, months further away, and two long periods hold the rest."""
    assert new_period((), _at(time), now=NOW).name == name


def test_new_period_ends_at_its_neighbours() -> None:
    """A period takes the part of its month that no other period has."""
    days = tuple(new_period((), _at(f"2026-12-{day}"), now=NOW) for day in (10, 12))

    found = new_period(days, _at("2026-12-11T08:00"), now=_at("2027-12-01"))

    assert found.name == "2026-12-11"


@given(st.lists(st.tuples(times, st.integers(_at("2000-01-01"), _at("2100-01-01"))), max_size=40))
def test_periods_never_overlap(arrivals: list[tuple[int, int]]) -> None:
    """Whatever the order of events and the time of arrival, each time has one period."""
    periods: tuple[Period, ...] = ()
    for timestamp, now in arrivals:
        if find_period(periods, timestamp) is None:
            periods = tuple(sorted((*periods, new_period(periods, timestamp, now=now))))
        found = find_period(periods, timestamp)
        assert found is not None
        assert timestamp in found
        assert parse_period(found.name) == found

    assert all(first.end <= second.start for first, second in pairwise(periods))


@given(st.lists(times, max_size=400))
def test_hostile_times_make_few_periods(timestamps: list[int]) -> None:
    """At one time there are some days, 20 years of months, and two long periods."""
    periods: tuple[Period, ...] = ()
    for timestamp in timestamps:
        if find_period(periods, timestamp) is None:
            periods = tuple(sorted((*periods, new_period(periods, timestamp, now=NOW))))

    assert len(periods) < 300


@pytest.mark.parametrize(
    "name", ["", "2026-13-01", "2026-12-02_2026-12-01", "2026-12-01_", "notes", "2026-12-01 "]
)
def test_other_files_are_no_periods(name: str) -> None:
    """A file with another name is left alone."""
    assert parse_period(name) is None
