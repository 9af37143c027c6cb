"""The current request: one mutable object, which every task and thread of the request shares."""

from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Any, Final, Protocol

from sqreen_mw.capture.request import RawRequest


class Tracks(Protocol):
    """What takes the events of a request."""

    def track(
        self,
        name: str,
        options: object = None,
        /,
        *,
        context: "RequestContext | None" = None,
        keywords: dict[str, Any],
    ) -> str | None:
        """Take an event; see ``sqreen_mw.track``."""


class RequestContext:
    """One request, from its first byte until the last task that it started is gone.

    It is mutable and shared, so that a thread or a task that has only a copy of the contextvars
    sees and changes the same request. A middleware's subclass says what the request is.
    """

    __slots__ = ("__weakref__", "_tracker", "running")

    def __init__(self, tracker: Tracks) -> None:
        self._tracker: Final = tracker
        self.running = True

    def track(self, name: str, options: object = None, /, **keywords: Any) -> str | None:
        """Track an event of this request; see ``sqreen_mw.track``."""
        return self._tracker.track(name, options, context=self, keywords=keywords)

    def raw_request(self) -> RawRequest:
        """Return the request's values, from any thread, during the request and after it."""
        raise NotImplementedError

    def finish(self) -> None:
        """Let go of the server's objects; what events need of them is kept."""
        self.running = False


_current: Final[ContextVar[RequestContext | None]] = ContextVar("sqreen_mw_request", default=None)


def current_request() -> RequestContext | None:
    """Return the request that this code runs for, or None."""
    return _current.get()


def enter(context: RequestContext) -> Token[RequestContext | None]:
    """Make a request the current one; hand the token to ``leave``."""
    return _current.set(context)


def leave(token: Token[RequestContext | None]) -> None:
    """Make the request before the current one again.

    A token of another context is passed over: a response may be closed by another thread, whose
    context goes away with it.
    """
    with suppress(ValueError):
        _current.reset(token)
