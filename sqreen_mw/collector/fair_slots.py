"""Share a number of slots fairly among owners, such as users and tokens."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import TypeAlias

from sqreen_mw.errors import StoreError

_Turn: TypeAlias = "asyncio.Future[None]"


class FairSlots:
    """Slots that waiting owners get in turn. Use it on one event loop at a time.

    Args:
        slots: The number of slots.
        per_owner: Maximum number of slots of one owner, so that another one finds a free slot.
        most_waiting: Maximum number of waiting requests of one owner.
        seconds: Maximum time to wait.
    """

    def __init__(self, slots: int, *, per_owner: int, most_waiting: int, seconds: float) -> None:
        self._free = slots
        self._per_owner = per_owner
        self._most_waiting = most_waiting
        self._seconds = seconds
        self._held: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[_Turn]] = {}

    @asynccontextmanager
    async def slot(self, owner: Hashable) -> AsyncIterator[None]:
        """Wait for a slot and hold it during the block.

        Raises:
            StoreError: The owner has too many waiting requests, or waited for too long.
        """
        await self._acquire(owner)
        try:
            yield
        finally:
            self._release(owner)

    async def _acquire(self, owner: Hashable) -> None:
        queue = self._waiting.setdefault(owner, deque())
        if len(queue) >= self._most_waiting:
            raise StoreError(
                f"{self._most_waiting} of your requests are already waiting: send fewer at once"
            )
        turn: _Turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self._give()
        try:
            async with asyncio.timeout(self._seconds):
                await turn
        except (asyncio.CancelledError, TimeoutError) as error:
            if not turn.cancelled():
                self._release(owner)
            if isinstance(error, TimeoutError):
                raise StoreError(
                    f"no free slot within {self._seconds:g} s, because other requests take long: "
                    "try again later"
                ) from error
            raise

    def _release(self, owner: Hashable) -> None:
        self._free += 1
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
        self._give()

    def _give(self) -> None:
        """Give the free slots to the owners that wait, one each in turn."""
        while self._free and (owner := self._next_owner()) is not None:
            queue = self._waiting.pop(owner)
            turn = queue.popleft()
            if queue:
                self._waiting[owner] = queue  # behind the others
            if not turn.done():
                self._free -= 1
                self._held[owner] += 1
                turn.set_result(None)

    def _next_owner(self) -> Hashable | None:
        # Of the owners with the fewest slots, the one that has waited longest.
        owner = min(self._waiting, key=self._held.__getitem__, default=None)
        return None if owner is None or self._held[owner] >= self._per_owner else owner
