"""What is lost where others lose: at an exit, by a signal, at a fork, where nobody answers.

Each contestant tells of its events in a process of its own, which flushes and closes nothing, and
is killed if it has not ended after half a minute. The collector is given by name and by address.

A: 1000 events, then a normal exit, with a server that takes 200 ms a request. B: 50 events, then
SIGTERM, which nobody handles. C: 50 events for a port that nobody listens on. D: 50 events for a
server that never answers. E, what a call costs, is the row ``track``. F: an event, a fork, 20
events in the child, and both exit. G: 15,000 events for a server that never answers, and what the
process learns of those that no queue has room for.
"""

from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.child import in_child
from benchmarks.ended import SECONDS
from benchmarks.figures import Figure, Plan
from benchmarks.flood import EVENTS, Flood, flooded
from benchmarks.loss import CASES, HOSTS, Case, Loss, loss_of
from benchmarks.peers.peer import BARE, CONTESTANTS, OURS
from benchmarks.stub.running import running_stub

WITH_SPOOL: Final = f"{OURS}, with a spool"


def measure(plan: Plan) -> list[Figure]:
    """Return what arrived or how long the exit took, and what ours told of the rest."""
    names = [name for name in plan.contestants if name in CONTESTANTS]
    figures: list[Figure] = []
    for case in CASES:
        for way, host in HOSTS.items():
            losses = _losses(case, names, host)
            figures += _figures(case, way, losses)
    for way, host in HOSTS.items():
        figures += _learned(way, {name: _flood(name, host) for name in names})
    return figures


def _flood(name: str, host: str) -> Flood:
    with running_stub(stalls=True) as stub:
        return Flood(*in_child(flooded, name=name, url=stub.at(host)))


def _learned(way: str, floods: Mapping[str, Flood]) -> list[Figure]:
    """Return what the callers learn: by answers, in the log, by counts."""
    refused = {name: flood.refused for name, flood in floods.items() if flood.refused is not None}
    counts = {
        name: (flood.waiting, flood.dropped)
        for name, flood in floods.items()
        if flood.waiting is not None and flood.dropped is not None
    }
    return [
        Figure(name=f"G, {way}: calls refused, of {EVENTS:,}", values=refused),
        Figure(
            name=f"G, {way}: lines logged",
            values={name: flood.lines for name, flood in floods.items()},
        ),
        Figure(
            name=f"G, {way}: accounted for, of {EVENTS:,}",
            values={name: sum(count) for name, count in counts.items()},
            notes={name: f"{w:,} wait, {d:,} dropped" for name, (w, d) in counts.items()},
        ),
    ]


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
