"""The work of the applications: track an event with three properties."""

import time
from typing import Final

from benchmarks.peers.peer import Peer, Properties

EVENT: Final = "coupon.applied"
PROPERTIES: Final[Properties] = {"code": "SPRING", "discount": 12.5, "first": True}
_SAMPLE: Final = 1_000_000


def tracking(peer: Peer, calls: int = 1) -> None:
    """Track events. Their properties are new objects, like in an application."""
    for _ in range(calls):
        peer.track(EVENT, dict(PROPERTIES))


def spinning(turns: int) -> None:
    """Use CPU time for a number of turns."""
    for _ in range(turns):
        pass


def turns_of(seconds: float) -> int:
    """Return the number of turns that take so much CPU time on this machine."""
    return int(seconds * 1e9 / nanoseconds_of_a_turn())


def nanoseconds_of_a_turn() -> float:
    """Return the present time of a turn. Clocks of shared machines vary by a factor of 2."""
    times: list[float] = []
    for _ in range(5):
        begin = time.thread_time_ns()
        spinning(_SAMPLE)
        times.append((time.thread_time_ns() - begin) / _SAMPLE)
    return min(times)
