"""The agent of an app that is not configured, or is switched off: every call is a safe no-op."""

from typing import Any, Final

from sqreen_mw.agent.config import Config
from sqreen_mw.agent.context import RequestContext
from sqreen_mw.agent.delivery.buffer import Stats


class NullTracker:
    """Takes no event."""

    def track(
        self,
        name: str,
        options: object = None,
        /,
        *,
        context: RequestContext | None = None,
        keywords: dict[str, Any],
    ) -> str | None:
        """Return None: no event is accepted."""


class NullAgent:
    """Has nothing to deliver."""

    def __init__(self, config: Config) -> None:
        self.client_ip: Final = config.client_ip
        self.tracker: Final = NullTracker()

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 there is nothing to wait for
        """Return True: nothing waits."""
        return True

    def close(self, timeout: float) -> int:  # noqa: ARG002 there is nothing to wait for
        """Return 0: nothing is left over."""
        return 0

    def stats(self) -> Stats:
        """Return zeros."""
        return Stats(tracked=0, delivered=0, waiting=0, dropped={}, misuse={})
