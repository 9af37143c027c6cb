"""Brings a signal to the main thread again that came just before it began to wait.

Python sees such a signal when the wait is over, which may be never
(https://docs.python.org/3.11/library/signal.html#execution-of-python-signal-handlers). Where
nobody handles a signal there is no such moment, so a handler of ours must not make one.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from sqreen_mw.agent.native import native

AGAIN_SECONDS: Final = 0.02
"""How long a handler may take to run, until the signal comes again; then twice as long."""

MOST_SECONDS: Final = 1.0
"""How long it is waited at most until the signal comes again."""


_HAS_TRIO: Final = "trio" in sys.modules
"""Whether the app has loaded trio, which httpcore2 would later: it warns of who is told already."""


class _Pipe(NamedTuple):
    """What tells of signals, and by which number one knows that its ends are still these."""

    reader: int
    writer: int
    inode: int


_pipes: Final[list[_Pipe]] = []
"""This process's, if it has one."""


def prompt(number: int, is_due: Callable[[], bool]) -> None:
    """Have a signal come again while its handler is due, once it has come.

    The main thread alone may ask for that, and only where nobody else is told of signals.
    """
    if _HAS_TRIO or _is_in_loop():
        return
    # Not the main thread, no descriptors or threads left, or somebody's is closed: without, then.
    with suppress(ValueError, OSError, RuntimeError):
        present = signal.set_wakeup_fd(-1)
        if present != -1:
            signal.set_wakeup_fd(present)
            return
        if not _pipes:
            _pipes.append(_watched(number, is_due))
        signal.set_wakeup_fd(_pipes[0].writer, warn_on_full_buffer=False)


def _is_in_loop() -> bool:
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        return True
    return False


def _watched(number: int, is_due: Callable[[], bool]) -> _Pipe:
    """Return a pipe that a thread reads from."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    pipe = _Pipe(reader, writer, os.fstat(reader).st_ino)
    main_thread = native("_thread", "get_ident")()

    def watch() -> None:
        with suppress(OSError):  # an app may close all descriptors
            while numbers := os.read(reader, 64):
                if number in numbers:
                    _insist(main_thread, number, is_due)

    try:
        native("_thread", "start_new_thread")(watch, ())
    except RuntimeError:
        _close(pipe)
        raise
    return pipe


def _insist(main_thread: int, number: int, is_due: Callable[[], bool]) -> None:
    pause = AGAIN_SECONDS
    native("time", "sleep")(pause)
    while is_due():
        signal.pthread_kill(main_thread, number)
        pause = min(2 * pause, MOST_SECONDS)
        native("time", "sleep")(pause)


def _forget() -> None:
    """Tell a forked child's parent nothing of its signals."""
    while _pipes:
        pipe = _pipes.pop()
        with suppress(ValueError, OSError):
            present = signal.set_wakeup_fd(-1)
            if present != pipe.writer:
                signal.set_wakeup_fd(present)
        _close(pipe)


def _close(pipe: _Pipe) -> None:
    for descriptor in (pipe.reader, pipe.writer):
        with suppress(OSError):
            if os.fstat(descriptor).st_ino == pipe.inode:
                os.close(descriptor)


os.register_at_fork(after_in_child=_forget)
