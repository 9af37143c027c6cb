"""What is lost where others lose: at an exit, by a signal, at a fork, where nobody answers.

Each contestant tells of its events in a process of its own, which flushes and closes nothing, and
is killed if it has not ended after half a minute. The collector is given by name and by address.

A: 1000 events, then a normal exit, with a server that takes 200 ms a request. B: 50 events, then
SIGTERM, which nobody handles. C: 50 events for a port that nobody listens on. D: 50 events for a
server that never answers. E, what a call costs, is the row ``track``. F: an event, a fork, 20
events in the child, and both exit.
"""

from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.ended import SECONDS
from benchmarks.figures import Figure, Plan
from benchmarks.loss import CASES, HOSTS, Case, Loss, loss_of
from benchmarks.peers.peer import BARE, CONTESTANTS, OURS

WITH_SPOOL: Final = f"{OURS}, with a spool"


def measure(plan: Plan) -> list[Figure]:
    """Return what arrived or how long the exit took, and what ours told of the rest."""
    names = [name for name in plan.contestants if name in CONTESTANTS]
    figures: list[Figure] = []
    for case in CASES:
        for way, host in HOSTS.items():
            losses = _losses(case, names, host)
            figures += _figures(case, way, losses)
    return figures


def _losses(case: Case, names: list[str], host: str) -> dict[str, Loss]:
    """Return what comes of everybody's events; of ours with a spool too if they can't arrive."""
    losses = {name: loss_of(case, name, host=host) for name in names}
    if case.counts_seconds:
        losses[BARE] = loss_of(case, BARE, host=host)
    if case.counts_seconds and OURS in names:
        with TemporaryDirectory() as folder:
            settings = (f"SQREEN_SPOOL_DIR={folder}",)
            losses[WITH_SPOOL] = loss_of(case, OURS, host=host, settings=settings)
    return losses


def _figures(case: Case, way: str, losses: Mapping[str, Loss]) -> list[Figure]:
    if not case.counts_seconds:
        return [_delivered(case, way, losses)]
    ours = {name: loss for name, loss in losses.items() if name in {OURS, WITH_SPOOL}}
    accounted = Figure(
        name=f"{case.name}, {way}: accounted for, of {case.events:,}",
        values={name: loss.accounted for name, loss in ours.items()},
        notes={name: loss.told for name, loss in ours.items()},
    )
    return [_seconds(case, way, losses), accounted]


def _delivered(case: Case, way: str, losses: Mapping[str, Loss]) -> Figure:
    return Figure(
        name=f"{case.name}, {way}: delivered, of {case.events:,}",
        values={name: loss.delivered for name, loss in losses.items()},
        notes={name: f"{_sign(loss)}{loss.ended.seconds:.1f} s" for name, loss in losses.items()},
    )


def _seconds(case: Case, way: str, losses: Mapping[str, Loss]) -> Figure:
    return Figure(
        name=f"{case.name}, {way}: exit, s",
        digits=1,
        values={name: min(loss.ended.seconds, SECONDS) for name, loss in losses.items()},
        above=frozenset(name for name, loss in losses.items() if loss.ended.killed),
    )


def _sign(loss: Loss) -> str:
    return ">" if loss.ended.killed else ""
