"""Puts into the spool what could not be delivered within a second."""

import math
import time
from typing import Final

from sqreen_mw.agent.delivery.buffer import Buffer
from sqreen_mw.agent.delivery.outbox import Outbox

SILENT_SECONDS: Final = 0.25
"""How long a batch may take before the collector counts as away."""

GATHER_SECONDS: Final = 0.2
"""How long what is ready to be kept waits for what is being sealed, to be kept as one batch."""

AGAIN_SECONDS: Final = 1.0
"""How soon to try a spool again that takes nothing."""


class Keeper:
    """Empties the queue into the spool while the collector is away, or does not answer."""

    def __init__(self, *, buffer: Buffer, outbox: Outbox) -> None:
        self._buffer: Final = buffer
        self._outbox: Final = outbox
        self._not_before = 0.0

    def due(self, sent_at: float | None, *, is_urgent: bool, is_slicing: bool) -> float:
        """Return the monotonic seconds at which there is something to keep.

        Args:
            sent_at: When the batch that is on its way left; None where there is none.
            is_urgent: Whether somebody waits for it.
            is_slicing: Whether more is being sealed that is to be kept with it.
        """
        within = self._outbox.spool.persist_after
        oldest = self._outbox.oldest_unkept
        if oldest is None:
            oldest = self._buffer.sealed.oldest
        if oldest is None:
            return math.inf
        if is_urgent and within < math.inf:
            within = 0.0
        if is_slicing:
            within += GATHER_SECONDS
        due = max(oldest + within, self._not_before)
        if sent_at is not None:
            return max(due, sent_at + SILENT_SECONDS)
        return due if self._outbox.retry_at > time.monotonic() else math.inf

    def keep(self, *, is_sending: bool) -> bool:
        """Put all that is sealed into the spool, and tell whether it is there.

        Args:
            is_sending: Whether the first batch is on its way, and may still be delivered.
        """
        kept = self._outbox.hold() if is_sending else self._outbox.stow()
        while kept and self._buffer.sealed:
            kept = self._outbox.put_by()
        if not kept:
            self._not_before = time.monotonic() + AGAIN_SECONDS
        return kept
