"""The calls at module level: of the current request, or outside of requests."""

import atexit
from time import thread_time
from typing import TYPE_CHECKING, Final

from sqreen_mw.agent.calls import AnyAgent, Calls
from sqreen_mw.agent.context import current_request
from sqreen_mw.agent.null import UNLOADED
from sqreen_mw.agent.process.exit import run_exit_callbacks
from sqreen_mw.agent.process.import_lock import IMPORT_LOCK
from sqreen_mw.agent.process.unpatched import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable

_CHEAP_SECONDS: Final = 0.001
"""CPU time of an attempt to load the agent that each call may spend."""

_PAUSE_FACTOR: Final = 20
"""A longer attempt is followed by this many times its CPU time without one."""

_MAX_PAUSE: Final = 1.0

# At import, because exit handlers run last-registered-first: those that the app registers later run
# earlier, and their events are delivered, too. Without an agent it does nothing.
atexit.register(run_exit_callbacks)


class _AgentLoader:
    """Returns the process's agent, and loads it first if necessary."""

    def __init__(self) -> None:
        self._present_agent: Callable[[], AnyAgent | None] | None = None
        self._retry_at = 0.0

    def agent(self) -> AnyAgent:
        """Return the agent, or one that counts lost events if there can't be one now."""
        present_agent = self._present_agent
        agent = None if present_agent is None else present_agent()
        return self._load() if agent is None else agent

    def _load(self) -> AnyAgent:
        """Load the agent. After a failure that was expensive, wait before the next attempt."""
        if monotonic() < self._retry_at:
            return UNLOADED
        began = thread_time()
        with UNLOADED.guard.suppress_errors("loading"):
            return self._loaded()
        spent = thread_time() - began
        if spent > _CHEAP_SECONDS:
            self._retry_at = monotonic() + min(_PAUSE_FACTOR * spent, _MAX_PAUSE)
        return UNLOADED

    def _loaded(self) -> AnyAgent:
        """Import most of the SDK, unless a middleware has imported it, and create the agent."""
        with IMPORT_LOCK:
            from sqreen_mw.agent.runtime import current_agent, present_agent  # noqa: PLC0415 slow

        self._present_agent = present_agent
        return current_agent()


class _Here(Calls):
    """Calls that belong to the current request, if there is one."""

    call_context = staticmethod(current_request)
    outside_agent = staticmethod(_AgentLoader().agent)

    def __reduce__(self) -> str:
        return "_here"  # pickle refers to the calls by name


_here: Final = _Here()

track: Final = _here.track
identify: Final = _here.identify
auth_track: Final = _here.auth_track
signup_track: Final = _here.signup_track
user_is_banned: Final = _here.user_is_banned
flush: Final = _here.flush
aflush: Final = _here.aflush
close: Final = _here.close
aclose: Final = _here.aclose
stats: Final = _here.stats
