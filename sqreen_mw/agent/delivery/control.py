"""What the app wants of the flusher, and how far it has come: plain values, set under the GIL."""

import time
from collections.abc import Callable
from typing import Final

from sqreen_mw.agent.process import unpatched

POLL_SECONDS: Final = 0.005


def poll(done: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition, at most so many seconds; tell whether it holds.

    ``time.sleep`` is looked up at each call: under gevent it is gevent's own, and other greenlets
    run meanwhile.
    """
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= end:
            return False
        try:
            time.sleep(POLL_SECONDS)
        except AssertionError:  # gevent's hub, where handlers of signals run, must not switch
            unpatched.sleep(POLL_SECONDS)
    return True


async def apoll(done: Callable[[], bool], seconds: float) -> bool:
    """Wait as ``poll`` does, while the caller's event loop, of asyncio or trio, runs on."""
    # Imported here: only an app that has an event loop needs it, and has it loaded.
    from anyio import sleep  # noqa: PLC0415

    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= end:
            return False
        await sleep(POLL_SECONDS)
    return True


class FlushControl:
    """Moments of the monotonic clock, in seconds; no lock is shared between the two sides.

    Attributes:
        flush_requested_at: All that was tracked before is wanted out; set by the app.
        flushed_up_to: All that was tracked before is settled; set by the flusher.
        deadline: When the flusher is to be done for good, or None; set by the app.
    """

    __slots__ = ("deadline", "flush_requested_at", "flushed_up_to")

    def __init__(self) -> None:
        self.flush_requested_at: float = 0.0
        self.flushed_up_to: float = 0.0
        self.deadline: float | None = None

    @property
    def closing(self) -> bool:
        """Whether no more events are taken."""
        return self.deadline is not None
