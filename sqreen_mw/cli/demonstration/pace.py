"""How fast the visitors act, all of them together."""

import asyncio
from random import Random


class Pace:
    """Gives turns: the first ones at once, the others at random moments of a mean rate.

    Args:
        rate: Turns a second.
        burst: How many turns are given without a wait.
        chance: Where the moments come from.
    """

    def __init__(self, *, rate: float, burst: int, chance: Random) -> None:
        self._rate = rate
        self._burst = burst
        self._chance = chance
        self._queue = asyncio.Lock()

    async def turn(self) -> None:
        """Wait for a turn."""
        async with self._queue:
            if self._burst > 0:
                self._burst -= 1
            else:
                await asyncio.sleep(self._chance.expovariate(self._rate))
