"""Counts of events."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts at one moment: tracked + replayed = delivered + waiting + all of dropped.

    Attributes:
        tracked: Accepted events, and those tracked after the close.
        delivered: Events that the collector has stored.
        waiting: Events in the queue, in a batch in flight, and in the spool.
        dropped: Lost events, by reason.
        misuse: How often each kind of misuse or internal error occurred.
        spooled: The part of ``waiting`` that is in the spool, which outlives the process.
        replayed: Events of other processes that this one took over from the spool.
    """

    tracked: int = 0
    delivered: int = 0
    waiting: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    misuse: dict[str, int] = field(default_factory=dict)
    spooled: int = 0
    replayed: int = 0
