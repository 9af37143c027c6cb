"""Agents of apps that are not configured or disabled, and of requests to ignored paths."""

from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from sqreen_mw.agent.copying import SameWhenCopied
from sqreen_mw.agent.stats import Stats
from sqreen_mw.app_errors import suppress_app_errors

if TYPE_CHECKING:
    from sqreen_mw.agent.agent import Agent
    from sqreen_mw.agent.config.config import Config
    from sqreen_mw.agent.context import RequestContext


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
    report_wrong_arguments = ensure_started = staticmethod(_nothing)
    suppress_errors = staticmethod(_suppress_errors)
    user_is_banned = staticmethod(_false)
    flush, aflush = staticmethod(_true), staticmethod(_true_async)
    close, aclose = staticmethod(_zero), staticmethod(_zero_async)
    stats = Stats

    def __init__(self) -> None:
        self.sink: Agent | NullCalls = self


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
        self.sink: Final = self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copy and pickle ask before __init__ has run
            raise AttributeError(name)
        return getattr(self._agent.sink, name)


AnyAgent: TypeAlias = "Agent | NullCalls | IgnoredPathAgent"

Request: TypeAlias = "RequestContext"
Target: TypeAlias = "tuple[AnyAgent, Request | None]"
"""The agent that handles a call, and the request of the call."""
