"""Brings a signal to the main thread again that came just before it began to wait.

Python sees such a signal when the wait is over, which may be never
(https://docs.python.org/3.11/library/signal.html#execution-of-python-signal-handlers). Where
nobody handles a signal there is no such moment, so a handler of ours must not make one.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sqreen_mw.agent.native import native

AGAIN_SECONDS: Final = 0.02
"""How long a handler may take to run, until the signal comes again; then twice as long."""

MOST_AGAIN: Final = 12
"""How often: for a minute and a half in all, however slow the machine is."""

_pipe: list[int] = []


def prompt(number: int, is_due: Callable[[], bool]) -> None:
    """Have a signal come again while its handler is due, once it has come.

    The main thread alone may ask for that, and only where nobody else is told of signals.
    """
    try:
        present = signal.set_wakeup_fd(-1)
    except ValueError:
        return
    if present != -1:
        signal.set_wakeup_fd(present)
        return
    reader, writer = os.pipe()
    _pipe[:] = reader, writer
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    main_thread = native("_thread", "get_ident")()

    def watch() -> None:
        with suppress(OSError):  # an app may close all descriptors
            while numbers := os.read(reader, 64):
                if number in numbers:
                    _insist(main_thread, number, is_due)

    try:
        native("_thread", "start_new_thread")(watch, ())
    except RuntimeError:
        _forget()


def _insist(main_thread: int, number: int, is_due: Callable[[], bool]) -> None:
    for again in range(MOST_AGAIN):
        native("time", "sleep")(AGAIN_SECONDS * 2**again)
        if not is_due():
            return
        signal.pthread_kill(main_thread, number)


def _forget() -> None:
    """Tell nobody of signals; in a forked child, not its parent either."""
    if not _pipe:
        return
    present = signal.set_wakeup_fd(-1)
    if present not in _pipe:
        signal.set_wakeup_fd(present)
    while _pipe:
        os.close(_pipe.pop())


os.register_at_fork(after_in_child=_forget)
