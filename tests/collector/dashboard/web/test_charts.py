"""Charts: geometry of bars, and ticks at tidy places."""

from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.collector.dashboard.web.charts import (
    DAY,
    HOUR,
    MINUTE,
    Chart,
    bar_chart,
    interval_for,
    nice_ticks,
    time_ticks,
)
from sqreen_mw.collector.dashboard.web.time_format import zone_of
from sqreen_mw.collector.events.base import Histogram

MIDNIGHT = 1_700_006_400_000  # 2023-11-15T00:00:00Z
UTC = zone_of("UTC")


def charted(counts: list[int]) -> Chart:
    """Return the chart of counts per minute from the epoch on."""
    histogram = Histogram(0, MINUTE, tuple(counts))
    return bar_chart(histogram, within=(0, MINUTE * len(counts)), zone=UTC, now=-1)


@given(st.integers(0, 10**12))
def test_ticks_are_few_even_and_reach_the_maximum(maximum: int) -> None:
    """There are two to five evenly spaced ticks from 0 to a round number."""
    ticks = nice_ticks(maximum)

    steps = {b - a for a, b in pairwise(ticks)}
    assert (ticks[0], len(steps)) == (0, 1)
    assert 2 <= len(ticks) <= 5
    assert str(steps.pop()).rstrip("0") in {"1", "2", "5"}
    assert ticks[-1] >= maximum


@given(st.integers(1, 10 * 365 * DAY))
def test_chart_has_at_most_72_bars(length: int) -> None:
    """The interval is long enough for at most 72 bars."""
    assert length <= interval_for(length) * 72


def test_presets_have_48_to_72_bars() -> None:
    """Each preset is drawn with 48 to 72 bars."""
    ranges = (15 * MINUTE, HOUR, DAY, 7 * DAY, 30 * DAY)

    assert [length // interval_for(length) for length in ranges] == [60, 60, 48, 56, 60]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=72))
def test_bars_fill_the_plot_and_stay_inside(counts: list[int]) -> None:
    """Every bar is inside its slot, starts at the bottom, and is visible unless empty."""
    chart = charted(counts)

    assert chart.total == sum(counts)
    for bar, count in zip(chart.bars, counts, strict=True):
        assert bar.slot_x <= bar.x <= bar.x + bar.width <= bar.slot_x + bar.slot_width + 0.001
        assert abs(bar.y + bar.height - 100) < 0.01
        assert (bar.height > 0) == (count > 0)
        assert 0 <= bar.y <= 100


def test_bars_do_not_extend_beyond_the_range() -> None:
    """If the range starts or ends inside an interval, so does the bar."""
    histogram = Histogram(0, MINUTE, (1, 2))

    bars = bar_chart(histogram, within=(20_000, 100_000), zone=UTC, now=99_999).bars

    assert [(bar.start, bar.end) for bar in bars] == [(20_000, MINUTE), (MINUTE, 100_000)]
    assert [(bar.slot_x, bar.slot_width) for bar in bars] == [(0, 50), (50, 50)]
    assert [bar.is_partial for bar in bars] == [False, True]


def test_value_ticks_run_from_the_top_down() -> None:
    """The first tick is the largest value, at the top."""
    rows = charted([3, 10]).rows

    assert [(row.position, row.label) for row in rows] == [(0, "10"), (50, "5"), (100, "0")]


def test_time_ticks_are_round_local_times() -> None:
    """Ticks of a day are full local hours, and midnight shows the day."""
    ticks = time_ticks(MIDNIGHT, MIDNIGHT + DAY, ZoneInfo("Asia/Kolkata"))

    assert [tick.label for tick in ticks][:7] == [
        "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "16 Nov",
    ]  # fmt: skip
    assert ticks[0].position == round(100 * 0.5 / 24, 3)


def test_time_ticks_follow_daylight_saving_time() -> None:
    """When clocks go back the ticks stay at full hours."""
    start = 1_698_530_400_000  # 2023-10-29T00:00:00+02:00 in Berlin, a day of 25 hours
    ticks = time_ticks(start, start + 25 * HOUR, ZoneInfo("Europe/Berlin"))

    assert [tick.label for tick in ticks] == [
        "29 Oct", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00",
    ]  # fmt: skip


def test_long_ranges_name_months_and_short_ones_seconds() -> None:
    """Labels have the precision that their range needs."""
    years = time_ticks(MIDNIGHT, MIDNIGHT + 700 * DAY, UTC)
    seconds = time_ticks(MIDNIGHT + HOUR, MIDNIGHT + HOUR + 20_000, UTC)

    assert years[0].label == "Jan 2024"
    assert [tick.label for tick in seconds] == ["01:00:00", "01:00:05", "01:00:10", "01:00:15"]


def test_ticks_outside_the_calendar_are_omitted() -> None:
    """Ticks outside Python's calendar are omitted."""
    first, last = -62_135_596_800_000, 253_402_300_799_999

    assert time_ticks(first, first + DAY, ZoneInfo("Asia/Tokyo"))
    assert time_ticks(last - DAY, last, ZoneInfo("Asia/Tokyo"))
    assert (last - first) / interval_for(last - first) < 150
