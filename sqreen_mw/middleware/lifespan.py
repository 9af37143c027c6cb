"""The lifespan of an ASGI app: events are delivered before the end of the shutdown."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Self

from sqreen_mw.agent.process.exit import SHUTDOWN_BUDGET
from sqreen_mw.agent.process.sigterm import uvicorn_lifespan

_PREFIX: Final = "lifespan."


class Lifespan:
    """Serves lifespan scopes.

    Many servers end right after the lifespan, so events are delivered before the app confirms the
    shutdown. If the app returns without its messages, this class sends them. If it raises and the
    server allows that, this class sends them before the server gets the error.
    """

    def __init__(
        self, app: Callable[[Any, Any, Any], Awaitable[Any]], deliver: Callable[[], Awaitable[None]]
    ) -> None:
        self._app: Final = app
        self._deliver: Final = deliver

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Serve the scope of type ``lifespan`` (ASGI specification 3.0)."""
        SHUTDOWN_BUDGET.restart()  # a process may serve many lifespans, as on AWS Lambda
        async with _Conversation(receive, send, self._deliver) as conversation:
            return await self._app(scope, conversation.receive, conversation.send)


class _Conversation:
    """The messages of one lifespan.

    At its end, it sends the messages that the app left out.
    """

    def __init__(self, receive: Any, send: Any, deliver: Callable[[], Awaitable[None]]) -> None:
        self._receive: Final = receive
        self._send: Final = send
        self._deliver: Final = deliver
        self._mode: Final = _lifespan_mode(receive)
        self._received: Final[set[str]] = set()
        self._sent: Final[set[str]] = set()

    async def receive(self) -> Any:
        """Receive a message for the app."""
        message = await self._receive()
        self._received.add(str(message.get("type")))
        return message

    async def send(self, message: Any) -> None:
        """Send a message of the app.

        Raises:
            RuntimeError: It belongs to a request: the app does not look at the type of its scope.
        """
        kind = str(message.get("type"))
        if not kind.startswith(_PREFIX):
            raise RuntimeError(f"{kind} is no message of a lifespan")
        if kind.startswith("lifespan.shutdown."):
            await self._deliver()
        self._sent.add(kind)
        await self._send(message)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is None or (isinstance(error, Exception) and self._may_fail):
            await self._answer_for_app()
        elif isinstance(error, Exception) and self._is_shutting_down:
            await self._deliver()

    @property
    def _may_fail(self) -> bool:
        """Whether the server goes on if the app raises: it may not support the lifespan.

        Other servers get the error at once, because it may have to stop them. Their exit handlers
        deliver.
        """
        return self._mode == "auto" and not self._sent

    @property
    def _is_shutting_down(self) -> bool:
        return "lifespan.shutdown" in self._received and not self._has_ended

    @property
    def _has_ended(self) -> bool:
        """Whether the app has sent its last message."""
        last = {"lifespan.startup.failed", "lifespan.shutdown.complete", "lifespan.shutdown.failed"}
        return not last.isdisjoint(self._sent)

    async def _answer_for_app(self) -> None:
        if self._has_ended:
            return
        if "lifespan.startup.complete" not in self._sent:
            if not self._received:
                await self.receive()
            await self.send({"type": "lifespan.startup.complete"})
        if "lifespan.shutdown" not in self._received:
            await self.receive()
        await self.send({"type": "lifespan.shutdown.complete"})


def _lifespan_mode(receive: Any) -> str | None:
    """Return the option ``lifespan`` of uvicorn or Mangum, or None for other servers.

    If it is "auto", the server goes on after an error, but without a lifespan.
    """
    mangum = getattr(receive, "__self__", None)
    mode = uvicorn_lifespan() or getattr(mangum, "lifespan", None)
    return mode if isinstance(mode, str) else None
