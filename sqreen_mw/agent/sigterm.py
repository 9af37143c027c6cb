"""SIGTERM, which ends a process without a word where nobody handles it: here not before the rest.

A handler of the app's own, or of its server's, is left alone, and one that comes later wins.
"""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Final

from sqreen_mw.agent.ending import end
from sqreen_mw.agent.native import native

INIT: Final = 1
"""The first process of a container, which the kernel lets no signal end without a handler."""

EMBEDDERS: Final = frozenset({"mod_wsgi", "uwsgi"})
"""Servers that handle signals below Python, which does not see it, and run exit handlers."""

AGAIN_SECONDS: Final = 0.001

_LOCKING: Final = frozenset({"sqreen_mw.agent.delivery.buffer", "sqreen_mw.agent.guard"})
"""The modules with locks that the flusher's thread needs as well."""


def follow_sigterm() -> None:
    """Deliver what waits before SIGTERM ends the process, unless somebody handles it."""
    if os.getpid() == INIT or not EMBEDDERS.isdisjoint(sys.modules):
        return
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return
    with suppress(ValueError):  # not in the main thread, which alone may
        signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> None:
    """Do what is to be done at the end, and then what the signal does by default."""
    if _holds_a_lock(frame) and _signalled_again(number):
        return
    try:
        end()
    finally:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


def _holds_a_lock(frame: FrameType | None) -> bool:
    """Tell whether the signal came where waiting for the flusher would keep it from its work."""
    while frame is not None:
        if frame.f_globals.get("__name__") in _LOCKING:
            return True
        frame = frame.f_back
    return False


def _signalled_again(number: int) -> bool:
    """Have the signal come again in a moment, when this thread is elsewhere."""
    main_thread = native("_thread", "get_ident")()

    def signal_again() -> None:
        native("time", "sleep")(AGAIN_SECONDS)
        signal.pthread_kill(main_thread, number)

    try:
        native("_thread", "start_new_thread")(signal_again, ())
    except RuntimeError:
        return False
    return True
