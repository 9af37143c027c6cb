"""Compare the clocks of senders with the collector's, from the ``sent_at`` of their batches."""

import threading
from dataclasses import dataclass
from typing import Final

from sqreen_mw.protocol.batch import Envelope

MAX_SENDERS: Final = 1000
"""Senders that are remembered. The one that has sent nothing for the longest time goes first."""

FORGET_AFTER: Final = 10 * 60 * 1000
"""Milliseconds after which a difference is replaced, even by a larger one."""


@dataclass(frozen=True, slots=True)
class SenderClock:
    """The clock of a sender: its instance, or its SDK if it names no instance.

    ``skew`` is the collector's clock minus the sender's clock at ``measured_at``, in milliseconds.
    """

    app: str
    sender: str
    skew: int
    measured_at: int


class SenderClocks:
    """The clocks of the latest senders. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clocks: dict[tuple[str, str], SenderClock] = {}

    def compare(self, app: str, envelope: Envelope, *, received_at: int) -> None:
        """Compare the clock of a batch that arrived.

        A batch that is sent again arrives late, so the smallest difference counts.
        """
        if envelope.sent_at is None:
            return
        sender = envelope.instance_id or envelope.sdk or "unknown sender"
        clock = SenderClock(app, sender, received_at - envelope.sent_at, received_at)
        with self._lock:
            known = self._clocks.pop((app, sender), clock)
            is_better = abs(clock.skew) <= abs(known.skew)
            is_old = received_at - known.measured_at > FORGET_AFTER
            self._clocks[app, sender] = clock if is_better or is_old else known
            if len(self._clocks) > MAX_SENDERS:
                del self._clocks[next(iter(self._clocks))]

    def since(self, time: int) -> tuple[SenderClock, ...]:
        """Return the clocks that were measured since a time."""
        with self._lock:
            return tuple(each for each in self._clocks.values() if each.measured_at >= time)
