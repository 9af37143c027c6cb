"""SIGTERM, which ends a process without a word where nobody handles it: here not before the rest.

A handler of the app's own, or of its server's, is left alone, and one that comes later wins. Only
uvicorn's is followed where it is told to do without a lifespan: it puts back the default at its
end, and kills itself.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from types import FrameType
from typing import Any, Final, NamedTuple, TypeAlias

from sqreen_mw.agent.process import unpatched
from sqreen_mw.agent.process.exit import end

RESEND_SECONDS: Final = 0.02
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
    main_thread = unpatched.get_ident()

    def watch() -> None:
        with suppress(OSError):  # an app may close all descriptors
            while numbers := os.read(reader, 64):
                if number in numbers:
                    _insist(main_thread, number, is_due)

    try:
        unpatched.start_thread(watch)
    except RuntimeError:
        _close(pipe)
        raise
    return pipe


def _insist(main_thread: int, number: int, is_due: Callable[[], bool]) -> None:
    pause = RESEND_SECONDS
    unpatched.sleep(pause)
    while is_due():
        signal.pthread_kill(main_thread, number)
        pause = min(2 * pause, MOST_SECONDS)
        unpatched.sleep(pause)


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


_Handler: TypeAlias = Callable[[int, FrameType | None], Any]

INIT: Final = 1
"""The first process of a container, which the kernel lets no signal end without a handler."""

EMBEDDERS: Final = frozenset({"mod_wsgi", "uwsgi"})
"""Servers that handle signals below Python, which does not see it, and run exit handlers."""

AGAIN_SECONDS: Final = 0.001
"""How soon the signal comes again at first; each time it takes twice as long."""

MOST_AGAIN: Final = 10
"""How often: for a second in all."""

_LOCKING: Final = frozenset({"sqreen_mw.agent.delivery.queue", "sqreen_mw.agent.guard"})
"""The modules with locks that the flusher's thread needs as well."""


def follow_sigterm() -> bool:
    """Deliver what waits before SIGTERM ends the process, unless somebody handles it.

    Returns:
        False where that is still to be done, by the main thread, which alone may.
    """
    if os.getpid() == INIT or not EMBEDDERS.isdisjoint(sys.modules):
        return True
    present = signal.getsignal(signal.SIGTERM)
    try:
        if present is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _EndingBefore(_terminate))
        elif callable(present) and _kills_its_process(present):
            signal.signal(signal.SIGTERM, _EndingBefore(present))
    except ValueError:
        return False
    return True


def insist_on_sigterm() -> None:
    """Have SIGTERM come again until it is handled here: whoever sends it waits without a limit."""
    if _is_due():
        prompt(signal.SIGTERM, _is_due)


def _is_due() -> bool:
    """Tell whether what handles SIGTERM is ours, and was not called yet."""
    present = signal.getsignal(signal.SIGTERM)
    return isinstance(present, _EndingBefore) and not present.has_begun


def _kills_its_process(handler: Any) -> bool:
    """Tell whether it is a server's of uvicorn's that tells its app nothing of the end."""
    module = sys.modules.get("uvicorn.server")
    server = getattr(handler, "__self__", None)
    if module is None or not isinstance(server, module.Server):
        return False
    return bool(server.config.lifespan == "off")


class _EndingBefore:
    """A handler that does what is to be done at the end before another one has its turn.

    Attributes:
        handler: The other one.
        has_begun: Whether it does so already.
    """

    def __init__(self, handler: _Handler) -> None:
        self.handler: Final = handler
        self.has_begun = False
        self._pauses: Final = iter([AGAIN_SECONDS * 2**again for again in range(MOST_AGAIN)])

    def __call__(self, number: int, frame: FrameType | None) -> None:
        is_locked = _holds_a_lock(frame)
        pause = next(self._pauses, None) if is_locked else None
        if pause is not None and _signalled_again(number, pause):
            return
        self.has_begun = True
        try:
            if not is_locked:  # else nothing could be delivered
                end()
        finally:
            self.handler(number, frame)


_held: Final[dict[int, Iterable[int]]] = {}
"""The signals that threads blocked before they forked."""


def _hold_back() -> None:
    """Have SIGTERM wait while this thread forks.

    A child would forget what came before its own Python was ready, and tell its parent's prompter.
    """
    if not isinstance(signal.getsignal(signal.SIGTERM), _EndingBefore):
        return
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        _tell_children(util)
    thread = unpatched.get_ident()
    _held[thread] = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


@cache
def _tell_children(util: Any) -> None:
    util.register_after_fork(_EndingBefore, _give_back)


def _let_through() -> None:
    held = _held.pop(unpatched.get_ident(), None)
    if held is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _give_back(_: object) -> None:
    """Let SIGTERM end a child of multiprocessing at once, until it tracks."""
    present = signal.getsignal(signal.SIGTERM)
    if isinstance(present, _EndingBefore) and present.handler is _terminate:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(number: int, _: FrameType | None) -> None:
    """Do what the signal does by default."""
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _holds_a_lock(frame: FrameType | None) -> bool:
    """Tell whether the signal came where waiting for the flusher would keep it from its work."""
    while frame is not None:
        if frame.f_globals.get("__name__") in _LOCKING:
            return True
        frame = frame.f_back
    return False


def _signalled_again(number: int, pause: float) -> bool:
    """Have the signal come again in a moment, when this thread is elsewhere."""
    main_thread = unpatched.get_ident()

    def signal_again() -> None:
        unpatched.sleep(pause)
        signal.pthread_kill(main_thread, number)

    try:
        unpatched.start_thread(signal_again)
    except RuntimeError:
        return False
    return True


os.register_at_fork(before=_hold_back, after_in_parent=_let_through, after_in_child=_let_through)
