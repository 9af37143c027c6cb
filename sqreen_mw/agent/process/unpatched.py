"""Real threads, locks, sleep, DNS and clocks, even if gevent or a test library replaces them.

Threads, locks, sleep and DNS work after ``gevent.monkey.patch_all()``. Each call looks the original
up again, because an app may import gevent late.

Libraries that freeze time in tests, such as freezegun and time-machine, change the timestamps of
events. They change no delay, age or timeout of delivery.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from weakref import ref

if TYPE_CHECKING:
    from _thread import LockType, RLock


RETAKE_SECONDS: Final = 0.001

# Copying a set is one step under the GIL, unlike copying a WeakSet: another thread may add a lock.
_rlocks: "Final[set[ref[RLock]]]" = set()


def start_thread(run: Callable[..., object], *args: object) -> None:
    """Start a daemon thread.

    Raises:
        RuntimeError: No thread can start: a limit is reached, or Python 3.12 is exiting.
    """
    _original("_thread", "start_new_thread")(run, args)


def get_ident() -> int:
    """Return the id of the current thread."""
    ident: int = _original("_thread", "get_ident")()
    return ident


def new_lock() -> "LockType":
    """Return a lock."""
    lock: LockType = _original("_thread", "allocate_lock")()
    return lock


def new_rlock() -> "RLock":
    """Return a reentrant lock."""
    lock: RLock = _original("_thread", "RLock")()
    _rlocks.add(ref(lock, _rlocks.discard))
    return lock


@contextmanager
def own_rlocks_released() -> Iterator[None]:
    """Release all locks of ``new_rlock`` that this thread holds, and take them again at the end.

    For a signal handler that waits for another thread.
    """
    released: list[RLock] = []
    for lock in filter(None, [reference() for reference in _rlocks.copy()]):
        with suppress(RuntimeError):  # this thread does not hold it any more
            while True:
                lock.release()
                released.append(lock)
    try:
        yield
    finally:
        _take(released)


def _take(locks: "list[RLock]") -> None:
    """Take locks in any order: no deadlock, because none is held while another one is awaited."""
    while True:
        taken = list(takewhile(lambda lock: lock.acquire(blocking=False), locks))
        if len(taken) == len(locks):
            return
        for lock in taken:
            lock.release()
        sleep(RETAKE_SECONDS)


def sleep(seconds: float) -> None:
    """Block this thread."""
    _original("time", "sleep")(seconds)


def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
    """Resolve a name; see ``socket.getaddrinfo``."""
    return _original("socket", "getaddrinfo")(*args, **kwargs)


def getnameinfo(address: Any, flags: int) -> tuple[str, str]:
    """Resolve an address; see ``socket.getnameinfo``."""
    name: tuple[str, str] = _original("socket", "getnameinfo")(address, flags)
    return name


def _original(module: str, name: str) -> Any:
    """Return a function or class of the standard library as it was before gevent patched it."""
    monkey = sys.modules.get("gevent.monkey")
    get_original = getattr(monkey, "get_original", None)
    if get_original is not None:
        return get_original(module, name)
    return getattr(import_module(module), name)


Clock: TypeAlias = Callable[[], float]
"""Returns seconds, monotonic ones unless its name says otherwise."""

monotonic: Final[Clock] = (
    # freezegun replaces time.monotonic, but not this function. On macOS CLOCK_MONOTONIC also runs
    # while the machine sleeps, which CLOCK_UPTIME_RAW does not.
    partial(time.clock_gettime, getattr(time, "CLOCK_UPTIME_RAW", time.CLOCK_MONOTONIC))
    if hasattr(time, "clock_gettime")
    else time.monotonic
)


# CLOCK_REALTIME_COARSE of Linux, which Python has no name for. time-machine replaces
# CLOCK_REALTIME, and freezegun replaces time.time.
_REAL_TIME: Final = 5 if sys.platform == "linux" else getattr(time, "CLOCK_REALTIME", 0)


def system_time() -> float:
    """Return the seconds since the epoch, even if the app's clock is replaced."""
    return time.clock_gettime(_REAL_TIME) if hasattr(time, "clock_gettime") else time.time()


def epoch_ms() -> int:
    """Return the milliseconds since the epoch by the app's clock, which tests may replace."""
    return time.time_ns() // 1_000_000
