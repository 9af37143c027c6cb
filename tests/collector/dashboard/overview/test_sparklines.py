"""Test the small charts of the Overview."""

from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.collector.dashboard.overview.sparklines import sparkline
from sqreen_mw.collector.state.instances.model import Sample

counts = st.integers(0, 10**12)
samples = st.builds(
    Sample,
    at=st.integers(0, 35).map(lambda n: n * 10),
    delivered=counts,
    lost=counts,
    waiting=counts,
)


@given(st.lists(samples, max_size=80))
def test_chart_sums_all_samples_and_fits(series: list[Sample]) -> None:
    """Sums equal those of the samples, and every bar fits into the chart."""
    drawn = sparkline(series, start=0, bar=10, count=36)

    assert drawn.delivered == sum(sample.delivered for sample in series)
    assert drawn.lost == sum(sample.lost for sample in series)
    for bar in drawn.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= 100
        assert bar.y >= -0.01
        assert abs(bar.y + bar.height + bar.lost_height - 100) < 0.02
        assert bar.lost_height == 0 or bar.lost_height >= 12
        assert abs(bar.waiting_y + bar.waiting_height - 100) < 0.02


def test_samples_outside_the_range_are_ignored() -> None:
    """Samples before the first bar and after the last bar are not counted."""
    series = [Sample(at=at, delivered=1, lost=0, waiting=0) for at in (-10, 0, 350, 360)]

    drawn = sparkline(series, start=0, bar=10, count=36)

    assert drawn.delivered == len(drawn.bars) == 2


def test_waiting_events_of_instances_are_summed_per_slot() -> None:
    """Waiting events of one slot are summed; a bar shows the largest sum."""
    series = [
        Sample(at=at, delivered=0, lost=0, waiting=waiting)
        for at, waiting in ((0, 300), (0, 400), (5, 600))
    ]

    drawn = sparkline(series, start=0, bar=10, count=36)

    assert drawn.max_waiting == 700


def test_few_waiting_events_draw_a_low_bar() -> None:
    """A batch of waiting events does not fill the chart."""
    few, many = (
        sparkline([Sample(at=0, delivered=0, lost=0, waiting=n)], start=0, bar=10, count=36).bars[0]
        for n in (50, 5000)
    )

    assert (few.waiting_height, many.waiting_height) == (12, 100)


def test_chart_without_samples_is_empty() -> None:
    """Without samples there are no bars, but the axis has ticks."""
    drawn = sparkline([], start=0, bar=10, count=36)

    assert drawn.bars == ()
    assert [tick.label for tick in drawn.rows] == ["1", "0"]
