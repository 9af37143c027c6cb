"""The agent of a request to a path that is ignored: no events of it, and all else as ever."""

from typing import ClassVar, Final

from sqreen_mw.agent.agent import Agent
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.agent.stats import Stats


class IgnoringAgent(NullAgent):
    """Takes no events, and leaves the rest to the agent that does."""

    ignores_events: ClassVar[bool] = True

    def __init__(self, agent: Agent | NullAgent) -> None:
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
