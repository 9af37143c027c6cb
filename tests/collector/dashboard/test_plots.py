"""Small plots: what they add up, and where it is drawn."""

from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.collector.dashboard.plots import plot
from sqreen_mw.collector.state.instance import Sample

counts = st.integers(0, 10**12)
samples = st.builds(
    Sample,
    at=st.integers(0, 35).map(lambda n: n * 10),
    delivered=counts,
    lost=counts,
    waiting=counts,
)


@given(st.lists(samples, max_size=80))
def test_a_plot_loses_nothing_and_stays_inside(series: list[Sample]) -> None:
    """Sums are those of the samples, and each bar lies in the plot, with its loss to be seen."""
    drawn = plot(series, start=0, bar=10, count=36)

    assert drawn.delivered == sum(sample.delivered for sample in series)
    assert drawn.lost == sum(sample.lost for sample in series)
    for bar in drawn.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= 100
        assert bar.y >= -0.01
        assert abs(bar.y + bar.height + bar.lost_height - 100) < 0.02
        assert bar.lost_height == 0 or bar.lost_height >= 12
        assert abs(bar.waiting_y + bar.waiting_height - 100) < 0.02


def test_what_lies_outside_of_the_range_is_left_out() -> None:
    """Samples before the first bar and after the last one are not drawn and not counted."""
    series = [Sample(at=at, delivered=1, lost=0, waiting=0) for at in (-10, 0, 350, 360)]

    drawn = plot(series, start=0, bar=10, count=36)

    assert drawn.delivered == len(drawn.bars) == 2


def test_processes_of_one_slot_add_up() -> None:
    """What waits in two processes at a time waits together; over time it is the most that did."""
    series = [
        Sample(at=at, delivered=0, lost=0, waiting=waiting)
        for at, waiting in ((0, 300), (0, 400), (5, 600))
    ]

    drawn = plot(series, start=0, bar=10, count=36)

    assert drawn.most_waiting == 700


def test_a_few_that_wait_do_not_look_like_many() -> None:
    """Up to a batch may wait without filling the plot."""
    few, many = (
        plot([Sample(at=0, delivered=0, lost=0, waiting=n)], start=0, bar=10, count=36).bars[0]
        for n in (50, 5000)
    )

    assert (few.waiting_height, many.waiting_height) == (12, 100)


def test_nothing_is_a_plot_too() -> None:
    """Without a sample there are no bars, and the axis has its ticks."""
    drawn = plot([], start=0, bar=10, count=36)

    assert drawn.bars == ()
    assert [tick.label for tick in drawn.rows] == ["1", "0"]
