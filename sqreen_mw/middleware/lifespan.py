"""The lifespan of an ASGI application: before its end is told, what was tracked is delivered."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqreen_mw.agent.guard import logger


class Lifespan:
    """Lives with an application, or for one that knows no lifespan, as Django does not.

    Without one many servers end without a word, and the last events with them. An application knows
    none that returns before it has received or sent anything, or that says so in what it raises, as
    Django does; the specification has servers go on then, and so does this.
    """

    def __init__(
        self, app: Callable[[Any, Any, Any], Awaitable[Any]], deliver: Callable[[], Awaitable[None]]
    ) -> None:
        self._app: Final = app
        self._deliver: Final = deliver

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Serve the scope of type ``lifespan`` (ASGI specification 3.0)."""
        takes_part = False

        async def noting_receive() -> Any:
            nonlocal takes_part
            takes_part = True
            return await receive()

        async def delivering_send(message: Any) -> None:
            nonlocal takes_part
            takes_part = True
            if str(message.get("type")).startswith("lifespan.shutdown."):
                await self._deliver()
            await send(message)

        value = None
        try:
            value = await self._app(scope, noting_receive, delivering_send)
        except Exception as error:
            if takes_part or "lifespan" not in str(error):
                raise
            logger.debug("the app knows no lifespan: %r", error)
        if not takes_part:
            await self._live_alone(receive, send)
        return value

    async def _live_alone(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._deliver()
        await send({"type": "lifespan.shutdown.complete"})
