"""Waiting for the flusher's thread without sharing a lock with it."""

import time
from collections.abc import Callable
from typing import Final

from sqreen_mw.agent.native import native

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
            native("time", "sleep")(POLL_SECONDS)
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
