import asyncio

import pytest

from sqreen_mw.collector.fair_slots import FairSlots
from sqreen_mw.errors import StoreError


class Workers:
    """Work that holds slots until it is finished."""

    def __init__(self, slots: FairSlots) -> None:
        self.slots = slots
        self.running: list[str] = []
        self._ends: dict[str, list[asyncio.Event]] = {}

    async def start(self, *owners: str) -> list[asyncio.Task[None]]:
        """Start work of owners, in this order."""
        tasks = [asyncio.create_task(self._work(owner)) for owner in owners]
        await _settle()
        return tasks

    async def finish(self, owner: str) -> None:
        """Finish the oldest work of an owner."""
        self._ends[owner].pop(0).set()
        await _settle()

    async def _work(self, owner: str) -> None:
        async with self.slots.slot(owner):
            end = asyncio.Event()
            self.running.append(owner)
            self._ends.setdefault(owner, []).append(end)
            await end.wait()
            self.running.remove(owner)


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_owners_take_turns() -> None:
    """An owner with many requests does not delay another one's first request."""

    async def run() -> list[list[str]]:
        workers = Workers(FairSlots(2, per_owner=2, most_waiting=9, seconds=60))
        tasks = await workers.start(*"aaaaaa", *"bb", "c")
        seen = []
        for owner in "aabcab":
            seen.append(sorted(workers.running))
            await workers.finish(owner)
        for task in tasks:
            task.cancel()
        return seen

    assert asyncio.run(run()) == [
        ["a", "a"],
        ["a", "b"],
        ["a", "b"],
        ["a", "c"],
        ["a", "b"],
        ["a", "b"],
    ]


def test_owner_has_a_limited_share() -> None:
    """One slot stays free for another owner, who does not wait at all."""

    async def run() -> list[list[str]]:
        workers = Workers(FairSlots(3, per_owner=2, most_waiting=9, seconds=60))
        tasks = await workers.start(*"aaaa")
        seen = [sorted(workers.running)]
        tasks += await workers.start("b")
        seen.append(sorted(workers.running))
        await workers.finish("b")
        seen.append(sorted(workers.running))
        for task in tasks:
            task.cancel()
        return seen

    assert asyncio.run(run()) == [["a", "a"], ["a", "a", "b"], ["a", "a"]]


def test_too_many_waiting_requests_of_one_owner_are_refused() -> None:
    """Other owners may still wait."""

    async def run() -> None:
        workers = Workers(FairSlots(1, per_owner=1, most_waiting=9, seconds=60))
        tasks = await workers.start(*"a" * 10, "b")
        with pytest.raises(StoreError, match="send fewer"):
            async with workers.slots.slot("a"):
                pass
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with workers.slots.slot("a"):
            pass

    asyncio.run(run())


@pytest.mark.parametrize("cancelled", range(4))
def test_cancelled_requests_free_their_slots(cancelled: int) -> None:
    """Running, chosen and waiting requests may be cancelled in any order."""

    async def run() -> None:
        workers = Workers(FairSlots(1, per_owner=1, most_waiting=9, seconds=60))
        tasks = await workers.start(*"aabb")
        tasks[0].cancel()  # The next one is chosen in the same turn of the loop.
        tasks[cancelled].cancel()
        await _settle()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(30), workers.slots.slot("c"):
            pass

    asyncio.run(run())


def test_wait_for_a_slot_is_limited() -> None:
    """The error says why, and the slot is free for the next one."""

    async def run() -> None:
        workers = Workers(FairSlots(1, per_owner=1, most_waiting=9, seconds=0.01))
        [task] = await workers.start("a")
        with pytest.raises(StoreError, match=r"no free slot within 0\.01 s"):
            async with workers.slots.slot("b"):
                pass
        await workers.finish("a")
        await task
        async with workers.slots.slot("b"):
            pass

    asyncio.run(run())
