"""Keeps a fork from happening while another thread loads the SDK.

A module that is half loaded at a fork stays so in the child for ever, and its lock stays taken.
"""

import logging
import os
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final

from sqreen_mw.agent.process import unpatched

FORK_SECONDS: Final = 2.0
"""How long a fork waits at most."""

# They have hooks of their own, which lock what an import may need. Hooks that are registered last
# run first, so ours come after theirs.
_LOADED_BEFORE: Final = (logging, threading)


class ForkGate:
    """Closed while its context lasts; a fork of the same thread passes."""

    def __init__(self) -> None:
        self._lock = unpatched.new_rlock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        # Where the context itself forked, the child has another lock.
        with suppress(RuntimeError):
            self._lock.release()

    def before(self) -> None:
        """Wait until nothing is being loaded."""
        self._lock.acquire(timeout=FORK_SECONDS)

    def after_in_parent(self) -> None:
        """Let others in again, unless the wait was too long."""
        with suppress(RuntimeError):
            self._lock.release()

    def after_in_child(self) -> None:
        """Forget who held the lock: that thread is gone."""
        self._lock = unpatched.new_rlock()


FORK_GATE: Final = ForkGate()

os.register_at_fork(
    before=FORK_GATE.before,
    after_in_parent=FORK_GATE.after_in_parent,
    after_in_child=FORK_GATE.after_in_child,
)
