"""The goals of the project, and whether a run meets them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.figures import Figure, table
from benchmarks.loss_cases import HOSTS
from benchmarks.peers.peer import CONTESTANTS, OURS

PEERS: Final = frozenset({*CONTESTANTS, "ipaddress"}) - {OURS}
WITH_MIDDLEWARE: Final = PEERS - {"segment"}
"""The peers with a middleware, whose requests per second can be compared with ours."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A bound for a figure of ours, and optionally a ratio to the best peer's.

    Attributes:
        what: The quantity with its unit.
        row: The row of the figure.
        figure: The name of the figure.
        bound: The maximum of ours, or the minimum if more is better.
        times: The maximum ratio to the best peer's value, or the minimum if more is better.
        more: True if more is better.
        peers: The compared peers.
    """

    what: str
    row: str
    figure: str
    bound: float
    times: float | None = None
    more: bool = False
    peers: frozenset[str] = PEERS

    def holds(self, figure: Figure) -> bool:
        """Return whether a figure meets the goal."""
        ours, best = figure.values[OURS], self.best(figure)
        bounds = [self.bound]
        if self.times is not None and best is not None:
            bounds.append(self.times * figure.values[best])
        return all(ours >= bound if self.more else ours <= bound for bound in bounds)

    def best(self, figure: Figure) -> str | None:
        """Return the best peer's name, or None without peers."""
        values = {name: value for name, value in figure.values.items() if name in self.peers}
        if not values:
            return None
        return (max if self.more else min)(values, key=values.__getitem__)

    def wanted(self) -> str:
        """Return the goal as text."""
        sign, limit = (">=", "at least") if self.more else ("<=", "at most")
        beside = f", {limit} {self.times:g} x the best peer" if self.times is not None else ""
        return f"{sign} {self.bound:,g}{beside}"


GOALS: Final = (
    Goal(
        what="ASGI request without events, instructions added",
        row="instructions",
        figure="ASGI request, added",
        bound=25_000,
    ),
    Goal(
        what="WSGI request without events, instructions added",
        row="instructions",
        figure="WSGI request, added",
        bound=19_000,
    ),
    Goal(
        what="the same with a streaming response",
        row="instructions",
        figure="WSGI streaming, added",
        bound=19_000,
    ),
    Goal(
        what="`track()` repeated in a request, us",
        row="track",
        figure="repeated, us",
        bound=8,
        times=0.5,
    ),
    Goal(
        what="`track()` first in a request, us",
        row="track",
        figure="first in a request, us",
        bound=20,
        times=0.5,
    ),
    Goal(
        what="request with one delivered event, us of process CPU",
        row="delivered",
        figure="us a request and event",
        bound=60,
        times=0.5,
    ),
    Goal(
        what="memory of a waiting event, ASGI, bytes",
        row="memory",
        figure="ASGI, bytes an event",
        bound=1229,
    ),
    Goal(
        what="memory of a waiting event, WSGI, bytes",
        row="memory",
        figure="WSGI, bytes an event",
        bound=1229,
    ),
    Goal(
        what="memory of a queue full of large events, MiB (bound: 16)",
        row="memory",
        figure="queue full of large events, MiB",
        bound=17.6,
    ),
    Goal(
        what="requests/s of a greeting, one event each, x bare",
        row="throughput",
        figure="hello, x bare",
        bound=0.65,
        times=2.5,
        more=True,
        peers=WITH_MIDDLEWARE,
    ),
    Goal(
        what="requests/s of 1 ms of CPU, one event each, x bare",
        row="throughput",
        figure="1 ms, x bare",
        bound=0.95,
        more=True,
        peers=WITH_MIDDLEWARE,
    ),
    Goal(
        what="client IPv4 address through three proxies, us",
        row="client_ip",
        figure="IPv4, us",
        bound=4,
    ),
    Goal(
        what="client IPv6 address through three proxies, us",
        row="client_ip",
        figure="IPv6, us",
        bound=4,
    ),
    Goal(
        what="ingest into SQLite on one core, events/s",
        row="ingest",
        figure="SQLite, events/s",
        bound=12_000,
        more=True,
    ),
    Goal(
        what="import of the package, x its needed modules",
        row="importing",
        figure="import, x needed modules",
        bound=1.5,
    ),
)

_HELD: Final = (
    ("A", "delivered, of 1,000", 1000, True),
    ("B", "delivered, of 50", 50, True),
    ("C", "exit, s", 2.2, False),
    ("C", "accounted for, of 50", 50, True),
    ("D", "exit, s", 2.2, False),
    ("D", "accounted for, of 50", 50, True),
    ("F", "delivered, of 21", 21, True),
    ("G", "lines logged", 1, False),
    ("G", "accounted for, of 15,000", 15_000, True),
)
"""The goals of lost events: the case, its figure, the bound, and whether more is better."""

LOSSES: Final = tuple(
    Goal(what=figure, row="losses", figure=figure, bound=bound, more=more)
    for case, what, bound, more in _HELD
    for figure in (f"{case}, {way}: {what}" for way in HOSTS)
)


def goal_table(measured: Mapping[str, Iterable[Figure]]) -> str:
    """Return the measured goals with their results."""
    lines = [
        _line(goal, figure) for goal in (*GOALS, *LOSSES) if (figure := _figure(goal, measured))
    ]
    return table(["", "ours", "best peer", "goal", "holds"], lines)


def _figure(goal: Goal, measured: Mapping[str, Iterable[Figure]]) -> Figure | None:
    figures = (figure for figure in measured.get(goal.row, ()) if figure.name == goal.figure)
    return next((figure for figure in figures if OURS in figure.values), None)


def _line(goal: Goal, figure: Figure) -> list[str]:
    best = goal.best(figure)
    beside = "-" if best is None else f"{figure.cell(best)} ({best})"
    holds = "yes" if goal.holds(figure) else "**no**"
    return [goal.what, figure.cell(OURS), beside, goal.wanted(), holds]
