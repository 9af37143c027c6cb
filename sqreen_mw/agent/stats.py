"""What became of every event."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stats:
    """The counts of one moment: tracked = delivered + waiting + all of dropped.

    Attributes:
        tracked: Events that were taken, and those that came after the close.
        delivered: Events that the collector has.
        waiting: Events in the queue, and in a batch under way.
        dropped: Events that are lost, by reason.
        misuse: How often each kind of misuse, or fault of ours, was met.
    """

    tracked: int
    delivered: int
    waiting: int
    dropped: dict[str, int]
    misuse: dict[str, int]
