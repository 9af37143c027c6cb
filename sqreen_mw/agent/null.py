"""The agent of an app that is not configured, or is switched off: every call is a safe no-op."""

from typing import TYPE_CHECKING, ClassVar, Final

from sqreen_mw.agent.stats import Stats

if TYPE_CHECKING:
    from sqreen_mw.agent.agent import Agent
    from sqreen_mw.agent.config.config import Config


class NullCalls:
    """Takes nothing, so it has nothing to deliver."""

    ignores_events: ClassVar[bool] = False

    def track(self, *_: object, **__: object) -> None:
        """Take no event."""

    def identify(self, *_: object, **__: object) -> None:
        """Remember nobody."""

    def auth_track(self, *_: object, **__: object) -> None:
        """Take no login."""

    def signup_track(self, *_: object, **__: object) -> None:
        """Take no account."""

    def misused(self, error: TypeError) -> None:
        """Say nothing."""

    def user_is_banned(self, *_: object) -> bool:
        """Return False: nobody is."""
        return False

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 there is nothing to wait for
        """Return True: nothing waits."""
        return True

    def close(self, timeout: float) -> int:  # noqa: ARG002 there is nothing to wait for
        """Return 0: nothing is left over."""
        return 0

    async def aflush(self, timeout: float) -> bool:  # noqa: ARG002 there is nothing to wait for
        """Return True: nothing waits."""
        return True

    async def aclose(self, timeout: float) -> int:
        """Return 0: nothing is left over."""
        return self.close(timeout)

    def stats(self) -> Stats:
        """Return zeros."""
        return Stats(tracked=0, delivered=0, waiting=0, dropped={}, misuse={})


class NullAgent(NullCalls):
    """Takes nothing, as its configuration has it."""

    def __init__(self, config: "Config") -> None:
        self.config: Final = config

    def ensure_started(self) -> None:
        """Begin nothing."""


class IgnoringAgent(NullAgent):
    """Takes no events, and leaves the rest to the agent that does."""

    ignores_events: ClassVar[bool] = True

    def __init__(self, agent: "Agent | NullAgent") -> None:
        super().__init__(agent.config)
        self._agent: Final = agent

    def misused(self, error: TypeError) -> None:
        """Say that arguments do not fit a call."""
        self._agent.misused(error)

    def flush(self, timeout: float) -> bool:
        """Wait for the delivery of other requests' events."""
        return self._agent.flush(timeout)

    def close(self, timeout: float) -> int:
        """Deliver and stop."""
        return self._agent.close(timeout)

    async def aflush(self, timeout: float) -> bool:
        """Wait for the delivery, on an event loop."""
        return await self._agent.aflush(timeout)

    async def aclose(self, timeout: float) -> int:
        """Deliver and stop, on an event loop."""
        return await self._agent.aclose(timeout)

    def stats(self) -> Stats:
        """Count the process's events."""
        return self._agent.stats()
