"""Delay forks while another thread imports the SDK.

A forked child keeps a half-imported module for ever, and its import lock stays locked. It takes two
threads: one makes the first call, or the first middleware, and imports the HTTP client for it. The
other one forks.
"""

import logging
import os
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final

from sqreen_mw.agent.process import unpatched

FORK_WAIT_SECONDS: Final = 2.0
"""How long a fork waits at most."""

# Their fork hooks take locks that an import may need. Hooks that are registered last run first,
# so these modules are imported before our hooks are registered.
_IMPORTED_BEFORE: Final = (logging, threading)


class ImportForkLock:
    """While a thread holds it, forks in other threads wait. The thread itself may fork."""

    def __init__(self) -> None:
        self._lock = unpatched.new_rlock()
        self._has_hooks = False

    def __enter__(self) -> None:
        self._register_hooks()
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        # If this block has forked, the child has a new lock.
        with suppress(RuntimeError):
            self._lock.release()

    def _register_hooks(self) -> None:
        if not self._has_hooks:
            self._has_hooks = True
            os.register_at_fork(
                before=self._before_fork,
                after_in_parent=self._after_fork_in_parent,
                after_in_child=self._after_fork_in_child,
            )

    def _before_fork(self) -> None:
        self._lock.acquire(timeout=FORK_WAIT_SECONDS)

    def _after_fork_in_parent(self) -> None:
        with suppress(RuntimeError):  # the wait was too long
            self._lock.release()

    def _after_fork_in_child(self) -> None:
        self._lock = unpatched.new_rlock()  # the thread that held the old one does not exist here


IMPORT_LOCK: Final = ImportForkLock()
