"""The limits of a spool: the oldest batches are evicted when one is reached."""

from dataclasses import dataclass

from sqreen_mw.agent.delivery.spool.accounting import EXPIRED, FULL
from sqreen_mw.agent.delivery.spool.batch_table import BatchTable, Row
from sqreen_mw.agent.delivery.spool.owner_locks import Owner


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """The limits of one app's spool, for all its processes together.

    Attributes:
        size: Bytes on disk.
        age: Seconds.
    """

    size: int
    age: float

    def evict(self, table: BatchTable, owner: Owner, *, needed: int, now: float) -> list[Row]:
        """Evict the oldest batches until so many bytes fit.

        Returns:
            The evicted rows for the owner to count: its own, and those of owners that have ended.
            Other owners find theirs in the table.
        """
        counted = table.evicted(owner.id)
        table.delete(counted)
        while row := table.oldest():
            is_expired = now - row.stored_at > self.age
            if not is_expired and table.used_bytes + needed <= self.size:
                break
            reason = EXPIRED if is_expired else FULL
            if row.owner != owner.id and owner.is_alive(row.owner):
                table.evict(row, reason)
            else:
                table.delete([row])
                counted.append(row._replace(evicted=reason))
        table.shrink_at_commit(is_wanted=row is None)  # moving pages is slow in a large database
        return counted
