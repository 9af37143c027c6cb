"""Test the counts of stored batches."""

import sys

from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.spool.accounting import FULL, StoredEvents
from sqreen_mw.agent.delivery.spool.batch_table import Row
from sqreen_mw.agent.guard import Guard


def test_batch_evicted_after_its_delivery_is_forgotten() -> None:
    """A delivered batch whose row is gone already is neither lost nor kept in memory."""
    stored = StoredEvents(EventQueue(), Guard())
    row = Row(seq=1, id="delivered", owner=1, events=1, stored_at=0.0, evicted=FULL)
    stored.acked.append(row)
    before = sys.getrefcount(row)

    stored.lose([row])

    assert sys.getrefcount(row) == before
    assert stored.waiting == 0
