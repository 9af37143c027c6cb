"""The row of losses accounts for each event."""

import os

import pytest

from benchmarks.child import in_child
from benchmarks.flood import Flood, flooded
from benchmarks.goals import LOSSES
from benchmarks.loss_cases import CASES, loss_of
from benchmarks.peers.peer import OURS
from benchmarks.stub.running import running_stub

BY_LETTER = {case.name: case for case in CASES}


@pytest.fixture(autouse=True)
def _uncovered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove coverage from children, because it handles SIGTERM and ours would not."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("letter", ["A", "B", "F"])
def test_all_events_of_ours_arrive(letter: str) -> None:
    """All events arrive despite a slow server, a signal and a fork."""
    case = BY_LETTER[letter]

    assert loss_of(case, OURS, host="localhost").delivered == case.events


def test_undelivered_events_are_counted() -> None:
    """At the exit, ours counts each event of an unreachable server as lost."""
    loss = loss_of(BY_LETTER["C"], OURS, host="localhost")

    assert loss.delivered == 0
    assert loss.summary == "50 counted as lost at exit"
    assert loss.accounted == 50
    assert not loss.ended.killed


def test_flood_is_counted_exactly() -> None:
    """Of 15,000 events without delivery, ours keeps 10,000, counts the rest and logs one line."""
    with running_stub(stalls=True) as stub:
        flood = Flood(*in_child(flooded, name=OURS, url=stub.url))

    assert flood == Flood(refused=0, lines=1, waiting=10_000, dropped=5_000)


def test_bare_process_has_no_counters() -> None:
    """A process without a product delivers and counts nothing."""
    loss = loss_of(BY_LETTER["A"], "bare", host="127.0.0.1")

    assert loss.delivered == 0
    assert loss.ended.counts == {}


def test_each_goal_belongs_to_a_case() -> None:
    """No goal refers to a missing case."""
    assert {goal.figure.partition(",")[0] for goal in LOSSES} == {*BY_LETTER, "G"}
