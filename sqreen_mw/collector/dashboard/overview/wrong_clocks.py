"""Find hosts whose clock differs from the collector's."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqreen_mw.collector.dashboard.overview.instances import clock_text
from sqreen_mw.collector.dashboard.web.charts import SECOND
from sqreen_mw.collector.sender_clocks import SenderClock
from sqreen_mw.collector.state.instances.model import Instance

TOLERANCE: Final = 10 * SECOND
"""A smaller difference is not worth a line: delivery may take as long."""

MAX_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class WrongClock:
    """A host or sender, and its clock, such as ``1 h ahead``."""

    app: str
    host: str
    text: str


def find_wrong_clocks(
    instances: Iterable[Instance], senders: Iterable[SenderClock], *, now: int
) -> tuple[WrongClock, ...]:
    """Return the hosts of live instances and the other senders with a wrong clock, worst first."""
    skews: dict[tuple[str, str], int] = {}
    reporting: set[tuple[str, str]] = set()
    for instance in instances:
        reporting.add((instance.app, instance.instance_id))
        if not instance.ended and not instance.is_silent(now):
            host = (instance.app, instance.host or instance.instance_id)
            skews[host] = max(skews.get(host, 0), instance.clock_skew, key=abs)
    for sender in senders:
        if (sender.app, sender.sender) not in reporting:  # A heartbeat is more precise.
            skews[sender.app, sender.sender] = sender.skew
    worst = sorted(skews.items(), key=lambda item: -abs(item[1]))
    return tuple(
        WrongClock(app, host, clock_text(skew)[0])
        for (app, host), skew in worst[:MAX_LINES]
        if abs(skew) >= TOLERANCE
    )
