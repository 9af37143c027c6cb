"""What the app wants of the flusher, and how far it has come: plain values, set under the GIL."""


class Wishes:
    """Moments of the monotonic clock, in seconds; no lock is shared between the two sides.

    Attributes:
        flush_wanted: All that was tracked before is wanted out; set by the app.
        flush_done: All that was tracked before is settled; set by the flusher.
        deadline: When the flusher is to be done for good, or None; set by the app.
    """

    __slots__ = ("deadline", "flush_done", "flush_wanted")

    def __init__(self) -> None:
        self.flush_wanted: float = 0.0
        self.flush_done: float = 0.0
        self.deadline: float | None = None

    @property
    def closing(self) -> bool:
        """Whether no more events are taken."""
        return self.deadline is not None
