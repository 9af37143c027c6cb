"""Agents that accept no events: without a URL, disabled, not loaded, or for ignored paths."""

from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqreen_mw.agent.calls import Stats
from sqreen_mw.agent.context import SameWhenCopied
from sqreen_mw.agent.guard import Guard
from sqreen_mw.app_errors import suppress_app_errors

if TYPE_CHECKING:
    from sqreen_mw.agent.agent import Agent
    from sqreen_mw.agent.config.config import Config


NOT_LOADED: Final = "not_loaded"
"""The reason of events that are lost before the agent is loaded."""


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


def _false(*_: object) -> bool:
    return False


def _true(_: float) -> bool:
    return True


def _zero(_: float) -> int:
    return 0


async def _true_async(_: float) -> bool:
    return True


async def _zero_async(_: float) -> int:
    return 0


def _suppress_errors(_: str) -> Any:
    return suppress_app_errors


class NullCalls(SameWhenCopied):
    """Ignores every call."""

    ignores_events: ClassVar[bool] = False

    track = identify = auth_track = signup_track = staticmethod(_nothing)
    report_ignored = ensure_started = staticmethod(_nothing)
    suppress_errors = staticmethod(_suppress_errors)
    user_is_banned = staticmethod(_false)
    flush, aflush = staticmethod(_true), staticmethod(_true_async)
    aend_lifespan = staticmethod(_true_async)
    close, aclose = staticmethod(_zero), staticmethod(_zero_async)
    stats = Stats

    def __init__(self) -> None:
        self.acting: Agent | NullCalls = self


class UnloadedAgent(NullCalls):
    """Counts the events that are lost while the agent can't be loaded or created.

    Attributes:
        guard: Counts the failed attempts and the lost events.
    """

    def __init__(self) -> None:
        super().__init__()
        self.guard: Final = Guard()

    def _lose(self, *_: object, **__: object) -> None:
        """Count a lost event."""
        self.guard.count(NOT_LOADED)

    track = auth_track = signup_track = _lose

    def stats(self) -> Stats:  # type: ignore[override]  # counts instead of zeros
        """Return the counts until now."""
        counts = self.guard.counts
        lost = counts.pop(NOT_LOADED, 0)
        return Stats(tracked=lost, dropped={NOT_LOADED: lost} if lost else {}, misuse=counts)

    def take_lost(self) -> int:
        """Return the number of lost events, for the counts of the agent that is loaded now."""
        return self.guard.take(NOT_LOADED)


UNLOADED: Final = UnloadedAgent()


class NullAgent(NullCalls):
    """Ignores every call, because no URL is set or the SDK is disabled."""

    def __init__(self, config: "Config") -> None:
        super().__init__()
        self.config: Final = config


class IgnoredPathAgent(SameWhenCopied):
    """Ignores events, and delegates the other calls to the agent of the other requests."""

    ignores_events: ClassVar[bool] = True

    track = identify = auth_track = signup_track = staticmethod(_nothing)
    user_is_banned = staticmethod(_false)

    def __init__(self, agent: "Agent | NullAgent") -> None:
        self._agent: Final = agent
        self.acting: Final = self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copy and pickle ask before __init__ has run
            raise AttributeError(name)
        return getattr(self._agent.acting, name)
