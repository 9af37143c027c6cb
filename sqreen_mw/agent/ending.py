"""What is to be done when the process ends."""

from collections.abc import Callable
from typing import Final

_acts: Final[list[Callable[[], None]]] = []


def at_end(act: Callable[[], None]) -> None:
    """Have something done when the process ends."""
    _acts.append(act)


def end() -> None:
    """Do what is to be done."""
    for act in _acts:
        act()
