import json

import pytest

from benchmarks.figures import Figure
from benchmarks.goals import Goal, goal_table
from benchmarks.peers.peer import OURS
from benchmarks.report import as_json

LESS = Goal(what="cost", row="r", figure="f", bound=10, times=0.5)
MORE = Goal(what="rate", row="r", figure="f", bound=0.6, times=2.5, more=True)


@pytest.mark.parametrize(
    ("goal", "ours", "peer", "holds"),
    [
        (LESS, 9, 18, True),
        (LESS, 9, 17, False),
        (LESS, 11, 100, False),
        (MORE, 0.7, 0.2, True),
        (MORE, 0.7, 0.3, False),
        (MORE, 0.5, 0.1, False),
    ],
)
def test_goal_needs_its_bound_and_its_ratio(
    goal: Goal, ours: float, peer: float, *, holds: bool
) -> None:
    """A goal is met if both its bound and its ratio to the best peer are."""
    figure = Figure(name="f", values={"ours": ours, "posthog": peer})

    assert goal.holds(figure) is holds


def test_best_peer_is_a_product() -> None:
    """The bare application and ours are not peers."""
    values = {"bare": 0, "ours": 1, "posthog": 9, "sentry logs": 5}

    assert LESS.best(Figure(name="f", values=values)) == "sentry logs"
    assert LESS.best(Figure(name="f", values={"bare": 0, "ours": 1})) is None


def test_table_contains_measured_goals_only() -> None:
    """Each measured goal has a line, and a missed goal is marked."""
    figure = Figure(name="repeated, us", digits=1, values={"ours": 23.25, "segment": 40})
    table = goal_table({"track": [figure]})

    assert len(table.splitlines()) == 3
    assert "23.2" in table
    assert "**no**" in table


def test_json_report_contains_every_figure() -> None:
    """A figure with a value that timed out is reported too."""
    figure = Figure(name="exit, s", values={OURS: 2.0}, above=frozenset({OURS}))

    rows = json.loads(as_json({"losses": [figure]}))["rows"]

    assert rows["losses"][0]["above"] == [OURS]
