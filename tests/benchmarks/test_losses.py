"""The row of losses tells what came of each event."""

import os

import pytest

from benchmarks.child import in_child
from benchmarks.flood import Flood, flooded
from benchmarks.goals import LOSSES
from benchmarks.loss import CASES, loss_of
from benchmarks.peers.peer import OURS
from benchmarks.stub.running import running_stub

BY_LETTER = {case.name: case for case in CASES}


@pytest.fixture(autouse=True)
def _uncovered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage handles SIGTERM in children, and ours then leaves it alone."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("letter", ["A", "B", "F"])
def test_ours_arrives_whole(letter: str) -> None:
    """Each event of ours arrives before a slow server's exit, a signal's end and after a fork."""
    case = BY_LETTER[letter]

    assert loss_of(case, OURS, host="localhost").delivered == case.events


def test_what_cannot_arrive_is_counted() -> None:
    """At the exit, ours says of each event of a server that is away that it is lost."""
    loss = loss_of(BY_LETTER["C"], OURS, host="localhost")

    assert loss.delivered == 0
    assert loss.told == "50 counted as lost at exit"
    assert loss.accounted == 50
    assert not loss.ended.killed


def test_a_flood_is_counted_exactly() -> None:
    """Of 15,000 events that nobody takes, ours keeps 10,000, counts the rest, and logs one line."""
    with running_stub(stalls=True) as stub:
        flood = Flood(*in_child(flooded, name=OURS, url=stub.url))

    assert flood == Flood(refused=0, lines=1, waiting=10_000, dropped=5_000)


def test_nothing_loses_what_it_never_had() -> None:
    """A process that tells nobody of its events has none that arrive, and no counts."""
    loss = loss_of(BY_LETTER["A"], "bare", host="127.0.0.1")

    assert loss.delivered == 0
    assert loss.ended.counts == {}


def test_each_goal_is_of_a_case() -> None:
    """No goal is set for a way to lose events that is not tried."""
    assert {goal.figure.partition(",")[0] for goal in LOSSES} == {*BY_LETTER, "G"}
