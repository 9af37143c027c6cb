"""What all parts of the spool stand on."""

from dataclasses import dataclass

from sqreen_mw.agent.delivery.spool.bounds import Bounds
from sqreen_mw.agent.delivery.spool.desks import Desks
from sqreen_mw.agent.delivery.spool.directory import Directory
from sqreen_mw.agent.delivery.spool.holdings import Holdings
from sqreen_mw.agent.guard import Guard


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The directory, its bounds, and what this process has and answers for there."""

    directory: Directory
    bounds: Bounds
    desks: Desks
    holdings: Holdings
    guard: Guard
