"""What is to be done when the process ends."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

CLOSE_SECONDS: Final = 2.0

END_SECONDS: Final = 1.8
"""How long a process's end waits: of two seconds, the rest is for the end of Python itself."""

_RETURNS: Final = 0.2
"""How much of each second that goes by is given back."""

_KEPT: Final = 0.1
"""How much of the time an end leaves to the last one."""


class Patience:
    """The seconds that all ends of a process have together: of a lifespan, by a signal, at exit.

    A process that has waited at one end hardly waits at the next. What was spent comes back
    slowly, as a lifespan need not be the process's end: a test may have many.
    """

    def __init__(self, seconds: float = END_SECONDS) -> None:
        self._most: Final = seconds
        self._left = seconds
        self._as_of = 0.0
        self._deadline: float | None = None

    @contextmanager
    def spend(self, *, last: bool = True) -> Iterator[float]:
        """Give the seconds that are left; what the block takes of them is spent.

        One end may begin within another, as a signal's does: it shares the other's deadline. One
        that is not the last leaves a part, in which what it did not deliver can go to the spool.
        """
        now = time.monotonic()
        if self._deadline is None:
            left = min(self._most, self._left + (now - self._as_of) * _RETURNS)
            self._deadline = now + left
        deadline = self._deadline
        try:
            yield max(0.0, deadline - now) * (1.0 if last else 1.0 - _KEPT)
        finally:
            self._as_of = time.monotonic()
            self._left = max(0.0, deadline - self._as_of)
            self._deadline = None


PATIENCE: Final = Patience()
"""This process's."""


_acts: Final[list[Callable[[], None]]] = []


def at_end(act: Callable[[], None]) -> None:
    """Have something done when the process ends."""
    _acts.append(act)


def end() -> None:
    """Do what is to be done."""
    for act in _acts:
        act()
