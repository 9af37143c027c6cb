"""Pure ASGI middleware, for Starlette, FastAPI and every other ASGI application."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias, Unpack

from sqreen_mw.agent.config import Settings
from sqreen_mw.agent.context import RequestContext, Tracks, enter, leave
from sqreen_mw.agent.runtime import CLOSE_SECONDS, configure
from sqreen_mw.capture.request import RawRequest

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

STATE_KEY: Final = "sqreen"


class ASGIRequestContext(RequestContext):
    """A request in an ASGI server; it holds the scope only while the request runs."""

    __slots__ = (
        "_headers",
        "_path",
        "_path_params",
        "_peer",
        "_query",
        "_route",
        "_scope",
        "_verb",
    )

    def __init__(self, tracker: Tracks, scope: Scope) -> None:
        super().__init__(tracker)
        self._scope: Scope | None = scope
        self._headers: Final = scope["headers"]
        self._path: Final[str] = scope["path"]
        self._peer: Final = scope.get("client")
        self._query: Final[bytes] = scope.get("query_string", b"")
        self._verb: Final[str] = scope.get("method", "GET")
        self._route: str | None = None
        self._path_params: Mapping[str, object] = {}

    def raw_request(self) -> RawRequest:
        """Return the request's values; route and path parameters as far as they are known."""
        self._look_up_route()
        return RawRequest(
            verb=self._verb,
            path=self._path,
            query=self._query,
            headers=self._headers,
            peer=self._peer[0] if self._peer else None,
            route=self._route,
            path_params=self._path_params,
        )

    def finish(self) -> None:
        """Keep the route and the path parameters, and let go of the scope."""
        self._look_up_route()
        self._scope = None
        super().finish()

    def _look_up_route(self) -> None:
        scope = self._scope
        if scope is not None:
            self._route = _route(scope)
            self._path_params = scope.get("path_params") or {}


class SqreenMiddleware:
    """Gives each request a context: ``request.state.sqreen`` and ``sqreen_mw.track()`` below it.

    Messages, exceptions and timing of the app are untouched; scopes that are no request pass
    through, but for the end of the lifespan, when what was tracked is delivered.
    """

    def __init__(self, app: ASGIApp, **settings: Unpack[Settings]) -> None:
        """Wrap an application.

        Args:
            app: The application.
            settings: Override the ``SQREEN_*`` variables.

        Raises:
            ConfigurationError: A setting is wrong; the message names it and the fix.
        """
        self.app: Final = app
        self._agent: Final = configure(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope (ASGI specification 3.0)."""
        kind = scope["type"]
        if kind == "lifespan":
            return await self.app(scope, receive, self._flushing(send))
        if kind not in {"http", "websocket"}:
            return await self.app(scope, receive, send)
        state = scope.setdefault("state", {})
        if STATE_KEY in state:
            # A second middleware inside the first shares its context.
            return await self.app(scope, receive, send)
        context = state[STATE_KEY] = ASGIRequestContext(self._agent.tracker, scope)
        token = enter(context)
        try:
            return await self.app(scope, receive, send)
        finally:
            leave(token)
            context.finish()

    def _flushing(self, send: Send) -> Send:
        """Return a ``send`` that delivers what was tracked before the server is told to end."""

        async def flush_then_send(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                self._agent.flush(CLOSE_SECONDS)
            await send(message)

        return flush_then_send


def _route(scope: Scope) -> str | None:
    """Return the template of the route that the app chose, such as ``/items/{id}``."""
    route = scope.get("route")
    template = getattr(route, "path", None)
    if not isinstance(template, str):
        return None
    # FastAPI's included routers share one route object; where it was found is told apart.
    included = scope.get("fastapi", {}).get("effective_route_context")
    if getattr(included, "original_route", None) is route:
        template = getattr(included, "path_format", template)
    # Below a mount the template is the mounted app's; root_path has grown by where it is mounted.
    mount = str(scope.get("root_path", ""))[len(str(scope.get("app_root_path", ""))) :]
    return f"{mount}{template}" if "app_root_path" in scope else template
