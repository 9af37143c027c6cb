"""The lifespan of an ASGI app: events are delivered before the end of the shutdown."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final

from sqreen_mw.agent.guard import logger


class Lifespan:
    """Serves lifespan scopes.

    Many servers end right after the lifespan, so events are delivered before the app confirms the
    shutdown. If the app does not support the lifespan, this class answers the server instead.
    """

    def __init__(
        self, app: Callable[[Any, Any, Any], Awaitable[Any]], deliver: Callable[[], Awaitable[None]]
    ) -> None:
        self._app: Final = app
        self._deliver: Final = deliver

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Serve the scope of type ``lifespan`` (ASGI specification 3.0)."""
        support = _Support()

        async def app_receive() -> Any:
            support.is_known = True
            return await receive()

        async def app_send(message: Any) -> None:
            support.is_known = True
            if str(message.get("type")).startswith("lifespan.shutdown."):
                await self._deliver()
            await send(message)

        value = None
        with support:
            value = await self._app(scope, app_receive, app_send)
        if not support.is_known:
            await self._answer_for_app(receive, send)
        return value

    async def _answer_for_app(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._deliver()
        await send({"type": "lifespan.shutdown.complete"})


class _Support:
    """Whether the app supports the lifespan: it has received or sent a message.

    The context suppresses the error of an app that does not, such as Django; the specification
    allows that error.
    """

    def __init__(self) -> None:
        self.is_known = False

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        if self.is_known or not isinstance(error, Exception) or "lifespan" not in str(error):
            return False
        logger.debug("the app does not support lifespan: %r", error)
        return True
