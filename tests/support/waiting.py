"""One bound for everything that tests wait for, and the loop that waits."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

import httpx2

from sqreen_mw.agent.process.unpatched import monotonic

PATIENCE: Final = 120.0
"""Seconds before a wait fails. It is long, because a busy machine is not a fault."""


T = TypeVar("T")


def wait_until(
    condition: Callable[[], T], *, seconds: float = PATIENCE, hint: Callable[[], object] = str
) -> T:
    """Wait until a condition is true, and return its value; fail with a hint if it stays false."""
    end = monotonic() + seconds  # a test may have replaced the clock
    while not (value := condition()):
        assert monotonic() < end, hint() or "the condition did not come true"
        time.sleep(0.01)
    return value


def wait_until_answered(url: str, *, seconds: float = PATIENCE) -> None:
    """Wait until a site answers."""
    wait_until(lambda: _answers(url), seconds=seconds, hint=lambda: f"{url} does not answer")


def _answers(url: str) -> bool:
    try:
        httpx2.get(url)
    except httpx2.HTTPError:
        return False
    return True
