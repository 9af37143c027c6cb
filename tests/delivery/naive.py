"""Flushers as one would write them at first, each of which loses events that ours delivers.

A script under test begins with ``apply()``, and the variable ``NAIVE`` names the variant; without
it nothing is changed. A test that fails with no variant proves nothing.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqreen_mw.agent import runtime, sigterm
from sqreen_mw.agent.deadline import CLOSE_SECONDS, Patience
from sqreen_mw.agent.delivery import flusher


def _replace(owner: object, name: str, value: object) -> None:
    assert hasattr(owner, name)
    setattr(owner, name, value)


def _sigterm_kills() -> None:
    for module in (runtime, flusher):
        _replace(module, "follow_sigterm", lambda: None)


def _waits_with_a_lock() -> None:
    _replace(sigterm, "_holds_a_lock", lambda _: False)


def _deadline_each() -> None:
    @contextmanager
    def spend(_: Patience) -> Iterator[float]:
        yield CLOSE_SECONDS

    _replace(Patience, "spend", spend)


def _follows_sigterm_as_init() -> None:
    _replace(sigterm, "INIT", 0)


def _exit_handlers_will_do() -> None:
    _replace(flusher, "follow_child_end", lambda: None)


VARIANTS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "SIGTERM kills": _sigterm_kills,
    "waits with a lock": _waits_with_a_lock,
    "a deadline each": _deadline_each,
    "closes as init": _follows_sigterm_as_init,
    "exit handlers will do": _exit_handlers_will_do,
}


def apply() -> None:
    """Make the flusher of this process the variant that is named."""
    VARIANTS[os.environ["NAIVE"]]()
