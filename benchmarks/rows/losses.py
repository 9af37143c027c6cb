"""Lost events at an exit, a signal and a fork, and with a server that does not answer.

Each contestant tracks its events in its own process, which does not flush or close anything, and
is killed after 30 seconds. The server is configured by name and by address.

A: 1000 events, then a normal exit, with a server that needs 200 ms for a request. B: 50 events,
then SIGTERM without a handler. C: 50 events for a port without a listener. D: 50 events for a
server that never answers. E, the cost of a call, is the row ``track``. F: an event, a fork, 20
events in the child, and both exit. G: 15,000 events for a server that never answers, and the
reports about the events that do not fit into the queue.
"""

from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.child import in_child
from benchmarks.figures import Figure, Plan
from benchmarks.flood import EVENTS, Flood, flooded
from benchmarks.loss_cases import CASES, HOSTS, Case, Loss, loss_of
from benchmarks.peers.peer import BARE, CONTESTANTS, OURS
from benchmarks.process_end import SECONDS
from benchmarks.stub.running import running_stub

WITH_SPOOL: Final = f"{OURS}, with a spool"


def measure(plan: Plan) -> list[Figure]:
    """Return the delivered events or the time of the exit, and the counters of ours."""
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
    """Return the reports by return values, log lines and counters."""
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
    """Return the results of all contestants; if no event can arrive, also ours with a spool."""
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
        notes={name: loss.summary for name, loss in ours.items()},
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
