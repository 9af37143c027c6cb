"""What became of every event."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stats:
    """The counts of one moment: tracked + replayed = delivered + waiting + all of dropped.

    Attributes:
        tracked: Events that were taken, and those that came after the close.
        delivered: Events that the collector has.
        waiting: Events in the queue, in a batch under way, and in the spool.
        dropped: Events that are lost, by reason.
        misuse: How often each kind of misuse, or fault of ours, was met.
        spooled: Those of ``waiting`` that lie in the spool, where they outlive the process.
        replayed: Events that other processes had left in the spool, taken over by this one.
    """

    tracked: int
    delivered: int
    waiting: int
    dropped: dict[str, int]
    misuse: dict[str, int]
    spooled: int = 0
    replayed: int = 0
