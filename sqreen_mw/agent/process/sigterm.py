"""Deliver queued events when SIGTERM arrives, then let it end the process.

We never replace a handler of the app or the server, and one that is set later wins. Children of
multiprocessing keep the default action: their parent terminates them and waits without a limit.
"""

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any, Final

from sqreen_mw.agent.process import unpatched
from sqreen_mw.agent.process.exit import run_exit_callbacks
from sqreen_mw.agent.process.kind import is_multiprocessing_child

INIT: Final = 1
"""The first process of a container. The kernel ignores SIGTERM there if there is no handler."""

EMBEDDING_SERVERS: Final = frozenset({"mod_wsgi", "uwsgi"})
"""Servers that handle signals in C, which Python does not see, and that run exit handlers."""


def install_sigterm_handler() -> bool:
    """Deliver before SIGTERM ends the process, unless the app or the server handles it.

    Returns:
        False if the main thread has to call this again, because no other thread may install it.
    """
    if os.getpid() == INIT or not EMBEDDING_SERVERS.isdisjoint(sys.modules):
        return True
    present = signal.getsignal(signal.SIGTERM)
    if not _comes_before(present):
        return True
    try:
        signal.signal(signal.SIGTERM, _FlushThenChain(present))
    except ValueError:
        return False
    _register_fork_hooks()
    return True


_HANDLED_BY_APPS: Final = frozenset(
    {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM}
    | {signal.SIGUSR1, signal.SIGUSR2}
)


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Block signals that apps handle, so that a thread started in the block never receives them.

    The main thread runs the handlers. If another thread receives a signal while the main thread
    waits, they run only after the wait.
    """
    # Read first, because blocking may run a handler that raises.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED_BY_APPS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _comes_before(handler: Any) -> bool:
    """Return True if we deliver before this handler."""
    if handler is signal.SIG_DFL:
        return not is_multiprocessing_child()
    # Without a lifespan, nothing else delivers: uvicorn restores the default action when it stops,
    # and raises SIGTERM again, so that no exit handler runs.
    return uvicorn_lifespan(handler) == "off"


def uvicorn_lifespan(handler: Any = None) -> str | None:
    """Return uvicorn's option ``--lifespan`` if it handles SIGTERM, else None.

    Args:
        handler: A handler of SIGTERM, by default the present one.
    """
    module = sys.modules.get("uvicorn.server")
    server = getattr(handler or signal.getsignal(signal.SIGTERM), "__self__", None)
    if module is None or not isinstance(server, module.Server):
        return None
    return str(server.config.lifespan)


class _FlushThenChain:
    """A handler that delivers and then does what the signal did before.

    Attributes:
        previous: The handler of uvicorn, or the default action.
    """

    def __init__(self, previous: Any) -> None:
        self.previous: Final = previous

    def __call__(self, number: int, frame: FrameType | None) -> None:
        # The signal may interrupt this thread while it holds a lock that the flusher needs.
        with unpatched.own_rlocks_released():
            try:
                run_exit_callbacks()
            finally:
                if callable(self.previous):
                    self.previous(number, frame)
                else:
                    signal.signal(number, self.previous)
                    signal.raise_signal(number)


_masks: Final[dict[int, Iterable[int]]] = {}
"""The signals that each forking thread had blocked before."""


@cache
def _register_fork_hooks() -> None:
    os.register_at_fork(
        before=_block_during_fork,
        after_in_parent=_unblock_after_fork,
        after_in_child=_restore_in_child,
    )


def _block_during_fork() -> None:
    """Hold SIGTERM back while this thread forks.

    A forked child forgets signals that arrive before its interpreter is ready.
    """
    if isinstance(signal.getsignal(signal.SIGTERM), _FlushThenChain):
        _masks[unpatched.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _unblock_after_fork() -> None:
    mask = _masks.pop(unpatched.get_ident(), None)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _restore_in_child() -> None:
    """Let SIGTERM end a forked child at once. Its first event installs the handler again."""
    present = signal.getsignal(signal.SIGTERM)
    if isinstance(present, _FlushThenChain):
        signal.signal(signal.SIGTERM, present.previous)
    _unblock_after_fork()
