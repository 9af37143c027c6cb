"""Which segments this process answers for, and how many of its events lie in each."""

from collections.abc import Collection
from typing import Final

from sqreen_mw.agent.delivery.queue import Buffer
from sqreen_mw.agent.delivery.spool.bounds import FULL

DAMAGED: Final = "spool_damaged"


class Holding:
    """A segment that this process wrote, or took over.

    Attributes:
        name: Its file.
        events: Those that lie there and are not being sent.
        records: The batches that are not settled.
        settled: The batches that are, from the first on.
    """

    __slots__ = ("events", "name", "records", "settled")

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.events: int = 0
        self.records: int = 0
        self.settled: int = 0


class Holdings:
    """The segments of this process, oldest first, and the counts that follow from them."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer: Final = buffer
        self._by_name: Final[dict[str, Holding]] = {}

    def __contains__(self, holding: object) -> bool:
        return isinstance(holding, Holding) and self._by_name.get(holding.name) is holding

    def first(self) -> Holding | None:
        """Return the oldest segment with events to send, or None."""
        return next((each for each in self._by_name.values() if each.events), None)

    def find(self, name: str) -> Holding | None:
        """Return the holding of a segment, or None."""
        return self._by_name.get(name)

    def wrote(self, name: str, *, events: int) -> Holding:
        """Note a batch that was written to a segment, and may still be being sent."""
        holding = self._by_name.setdefault(name, Holding(name))
        holding.records += 1
        self._buffer.spooled(events)
        return holding

    def leave(self, holding: Holding, events: int) -> None:
        """Note that events of the spool are not being sent any more."""
        holding.events += events

    def send(self, holding: Holding, events: int) -> None:
        """Note that events of the spool are being sent."""
        holding.events -= events

    def lift(self, events: int) -> None:
        """Note that events are in memory alone, as their batch is about to be settled."""
        self._buffer.unspooled(events)

    def begun(self) -> list[Holding]:
        """Return the segments of which a part is settled."""
        return [each for each in self._by_name.values() if each.settled and each.records]

    def take_over(self, name: str, *, events: int, settled: int = 0) -> Holding:
        """Note another process's segment, which is this one's from now on."""
        holding = self._by_name[name] = Holding(name)
        holding.settled = settled
        self._buffer.adopted(events)
        self._buffer.spooled(events)
        self.leave(holding, events)
        return holding

    def miss(self, holding: Holding, events: int) -> None:
        """Note that events of a segment can't be read."""
        holding.events -= events
        self._buffer.lost_in_spool(DAMAGED, events)

    def lose(self, holding: Holding, reason: str) -> int:
        """Note that a segment is gone, and return how many events are lost with it."""
        self.forget(holding)
        events, holding.events = holding.events, 0
        self._buffer.lost_in_spool(reason, events)
        return events

    def compare(self, names: Collection[str]) -> int:
        """Note which segments another process removed for room, and return the events of them."""
        gone = [each for each in self._by_name.values() if each.name not in names]
        return sum(self.lose(holding, FULL) for holding in gone)

    def forget(self, holding: Holding) -> None:
        """Answer for a segment no longer."""
        self._by_name.pop(holding.name, None)
