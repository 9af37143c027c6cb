"""Pools and children of multiprocessing that are terminated at random moments while they track.

Their tasks never return. Python itself can hang in ``Pool.terminate()`` if a worker with a second
thread, of any kind, is terminated while it returns a result: it then holds a lock of the pool.
"""

import faulthandler
import multiprocessing
import random
import sys
import time
from multiprocessing.context import ForkContext
from typing import Final

import sqreen_mw as sqreen

HANGS_AFTER: Final = 60.0
"""Seconds after which a round counts as hanging: it prints its stacks, and the process exits."""

WORKERS: Final = 2
LONGEST_SECONDS: Final = 0.03
"""The latest moment at which a pool is terminated."""


def run_rounds(rounds: int) -> None:
    """Terminate pools and single children in turn, and print the seconds of the longest round."""
    context = multiprocessing.get_context("fork")
    sqreen.track("parent")  # so that children inherit a handler
    longest = 0.0
    for number in range(rounds):
        faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)
        start = time.monotonic()
        (_terminate_child if number % 2 else _terminate_pool)(context)
        longest = max(longest, time.monotonic() - start)
    faulthandler.cancel_dump_traceback_later()
    sys.stdout.write(f"{longest:.3f}\n")


def _terminate_pool(context: ForkContext) -> None:
    pool = context.Pool(WORKERS)
    pool.map_async(_track_until_terminated, range(WORKERS), 1)
    _pause()
    pool.terminate()
    pool.join()


def _terminate_child(context: ForkContext) -> None:
    child = context.Process(target=_track_until_terminated)
    child.start()
    if random.random() < 0.5:
        _pause()
    child.terminate()
    child.join()


def _pause() -> None:
    time.sleep(random.uniform(0.0, LONGEST_SECONDS))


def _track_until_terminated(*_: int) -> None:
    while True:
        sqreen.track("child")
        time.sleep(0.001)
