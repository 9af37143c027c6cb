"""The calls at module level: of the current request, or outside of requests."""

import atexit
from collections.abc import Callable
from functools import cache
from typing import Final

from sqreen_mw.agent.calls import AnyAgent, Calls
from sqreen_mw.agent.context import current_request
from sqreen_mw.agent.guard import logger
from sqreen_mw.agent.null import NullCalls
from sqreen_mw.agent.process.exit import run_exit_callbacks
from sqreen_mw.agent.process.import_lock import IMPORT_LOCK
from sqreen_mw.app_errors import is_suppressible

_UNLOADABLE: Final = NullCalls()

# At import, because exit handlers run last-registered-first: those that the app registers later run
# earlier, and their events are delivered, too. Without an agent it does nothing.
atexit.register(run_exit_callbacks)


@cache
def _runtime() -> Callable[[], AnyAgent]:
    """Return the function that returns the process's agent.

    Most of the SDK is imported here: by a middleware, or else by the first call.
    """
    with IMPORT_LOCK:
        from sqreen_mw.agent.runtime import current_agent  # noqa: PLC0415 see above

    return current_agent


def _agent() -> AnyAgent:
    """Return the process's agent, or one that ignores calls if it cannot be imported now."""
    try:
        current_agent = _runtime()
    except (ImportError, OSError) as error:
        if not is_suppressible(error):
            raise
        logger.error("sqreen_mw can't be loaded, the app goes on: %r", error)
        return _UNLOADABLE
    return current_agent()


class _Here(Calls):
    """Calls that belong to the current request, if there is one."""

    request = staticmethod(current_request)
    agent_outside = staticmethod(_agent)

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
