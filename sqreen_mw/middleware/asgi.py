"""Pure ASGI middleware, for Starlette, FastAPI and every other ASGI application."""

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Final, TypeAlias, Unpack

from msgspec import Struct

from sqreen_mw.agent.config.config import Settings
from sqreen_mw.agent.context import (
    UNKNOWN_YET,
    RequestContext,
    current_request,
    reset_current,
    set_current,
)
from sqreen_mw.agent.guard import logger
from sqreen_mw.agent.null import IgnoredPathAgent
from sqreen_mw.agent.process.exit import LAST_STEP_SECONDS, SHUTDOWN_BUDGET
from sqreen_mw.agent.requests.asgi import REPORTED_HEADERS, Scope, asgi_request
from sqreen_mw.agent.requests.lookup import (
    STATE_KEY,
    both_sides,
    existing_context,
    note_middleware,
    shared_context,
)
from sqreen_mw.agent.runtime import ConfiguredAgent, configure
from sqreen_mw.app_errors import raised_by_signal_handler, suppress_app_errors
from sqreen_mw.capture.request_body import BodyTee
from sqreen_mw.errors import ConfigurationError
from sqreen_mw.middleware.lifespan import Lifespan

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[Any]]
# Frameworks have different types for scopes and messages; all of them are accepted.
ASGIApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]


Identify: TypeAlias = Callable[[Scope], Mapping[str, str | int] | None]
"""Returns the identifiers of a scope's user, or None without a user."""

_CREDENTIALS: Final = {b"cookie", b"authorization"}

MAX_LOOKUPS: Final = 3
"""How often ``identify`` is called for a request, if it finds no user."""

_REQUEST_TYPES: Final = ("http", "websocket")
"""A tuple: comparing costs less than hashing."""


class SqreenMiddleware:
    """Gives each request a context: ``request.state.sqreen``, used by ``sqreen_mw.track()``.

    Messages, exceptions and timing of the app do not change. Events are delivered at the end of
    the lifespan; with uvicorn, the middleware answers for an app that does not support it.

    In Starlette and FastAPI, add it after all other middlewares. Exception: routers write the
    route into the scope, so if another middleware copies the scope, add this one before it.
    """

    def __init__(
        self, app: ASGIApp, *, identify: Identify | None = None, **settings: Unpack[Settings]
    ) -> None:
        """Wrap an application.

        Args:
            app: The application.
            identify: Returns the identifiers of a scope's user, or None. It is called at the first
                event that needs the user, and only if the request has a cookie or an
                ``Authorization`` header. After None, it is called again at the next event, at most
                three times per request.
            settings: They override the ``SQREEN_*`` variables.

        Raises:
            ConfigurationError: A setting is wrong; the message names it and the fix.
        """
        self.app: Final = app
        self._identify: Final = _checked(identify)
        self._agent: Final[ConfiguredAgent] = configure(settings)
        note_middleware("asgi")
        self._ignored: Final = self._agent.config.ignore_paths
        self._has_started = False
        self._chooses_agent = True  # at the first request, or if there are ignored paths
        self._reported: Final = REPORTED_HEADERS | {
            self._agent.config.client_ip.header.encode("latin-1")
        }
        self._ignoring: Final = IgnoredPathAgent(self._agent)
        self._lifespan: Final = Lifespan(app, self._deliver)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one scope (ASGI specification 3.0)."""
        kind = scope.get("type")
        if kind not in _REQUEST_TYPES:
            return await self._serve_no_request(scope, receive, send)
        state = scope.get("state")
        if type(state) is not dict or STATE_KEY in state or both_sides:
            if self._shares_context(scope):
                return await self.app(scope, receive, send)
            state = _own_state(scope)
        agent = self._agent_of(scope) if self._chooses_agent else self._agent
        context = state[STATE_KEY] = asgi_request(scope, agent, self._reported)
        if self._identify is not None:
            context.set_user_resolver(_UserLookup(self._identify, scope))
        if kind == "http":
            wrapped = _WrappedChannels(receive, send, context)
            receive, send = wrapped.receive, wrapped.send
        token = set_current(context)
        try:
            return await self.app(scope, receive, send)
        except Exception as error:
            if kind == "http":
                context.record_crash(error, started=context.status is not None)
            raise
        finally:
            reset_current(token)
            context.finish()

    async def _serve_no_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("type") != "lifespan":
            return await self.app(scope, receive, send)
        self._start(scope)
        return await self._lifespan(scope, receive, send)  # type: ignore[no-any-return]  # as it is

    def _shares_context(self, scope: Scope) -> bool:
        """Use the context of an outer middleware, which also finishes it, if there is one."""
        outer = None if current_request() is None else shared_context(scope)
        if outer is None:
            return False
        if existing_context(scope) is not outer:
            _own_state(scope)[STATE_KEY] = outer
            outer.follow_inner(asgi_request(scope, outer.agent, self._reported))
        if self._identify is not None:
            outer.set_user_resolver(_UserLookup(self._identify, scope))
        return True

    def _start(self, scope: Scope) -> None:
        """Start at the first scope of this middleware."""
        self._agent.ensure_started()
        if not self._has_started:
            self._has_started = True
            outer = [] if self._agent.config.url is None else _outer_middlewares(scope)
            if outer:
                logger.warning(
                    "SqreenMiddleware is inside of %s, so it does not see the requests that these "
                    "middlewares answer; add it after them",
                    ", ".join(outer),
                )

    def _agent_of(self, scope: Scope) -> ConfiguredAgent | IgnoredPathAgent:
        self._start(scope)
        self._chooses_agent = bool(self._ignored)
        return self._ignoring if scope.get("path") in self._ignored else self._agent

    async def _deliver(self) -> None:
        """Deliver waiting events, or log how many are left. Many servers end after the lifespan."""
        tracked = self._agent.acting.stats().tracked
        seconds = SHUTDOWN_BUDGET.remaining(tracked, reserve=LAST_STEP_SECONDS)
        if not await self._agent.acting.aend_lifespan(seconds):
            stats = self._agent.acting.stats()
            left_over = stats.waiting - stats.spooled
            logger.warning("%d events were not delivered before the shutdown", left_over)


def _outer_middlewares(scope: Scope) -> list[str]:
    """Return the names of the middlewares that a Starlette app has around ours."""
    with suppress_app_errors:  # the app may be of any framework
        added = [each.cls for each in getattr(scope.get("app"), "user_middleware", ())]
        if SqreenMiddleware in added:
            return [each.__name__ for each in added[: added.index(SqreenMiddleware)]]
    return []


def _checked(identify: Any) -> Identify | None:
    if identify is not None and (not callable(identify) or _is_async(identify)):
        raise ConfigurationError(
            "identify must be a function that is not async, because track() cannot wait for it; "
            "in async code call sqreen_mw.identify() instead"
        )
    return identify  # type: ignore[no-any-return]  # checked


def _is_async(function: Any) -> bool:
    while isinstance(function, partial):
        function = function.func
    return iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__)


class _UserLookup(Struct, eq=False):
    """Calls the app's function, unless the request is surely anonymous.

    A middleware that authenticates may come after the first event, so no user means unknown yet.
    """

    identify: Identify
    scope: Scope
    calls: int = 0

    def __call__(self) -> Mapping[str, Any] | None:
        if not any(name in _CREDENTIALS for name, _ in self.scope.get("headers") or ()):
            return None
        self.calls += 1
        try:
            found = self.identify(self.scope)
        except (CancelledError, GeneratorExit) as error:
            if raised_by_signal_handler(error):
                raise
            # The function is not async, so it raised this itself: it must not cancel the app.
            raise RuntimeError(f"identify raised {error!r}") from error
        return found or (UNKNOWN_YET if self.calls < MAX_LOOKUPS else None)


def _own_state(scope: Scope) -> dict[str, Any]:
    """Return the scope's state as a dict that belongs to this request only.

    A server should give each request its own copy; otherwise requests would share a context.
    """
    state = scope.get("state")
    if state is None:
        state = scope["state"] = {}
    elif not isinstance(state, dict):
        state = {}  # an unknown type is left as it is
    elif isinstance(state.get(STATE_KEY), RequestContext):
        state = scope["state"] = dict(state)
    return state


class _WrappedChannels(Struct, frozen=True, eq=False):
    """Passes messages on unchanged; keeps the response's status and the beginning of the body.

    It never receives a message that the app did not request.
    """

    app_receive: Receive
    app_send: Send
    context: RequestContext

    async def receive(self) -> Message:
        """Receive a message."""
        receive = self.app_receive
        message = await receive()
        if message.get("type") == "http.request" and (body := message.get("body")):
            tee = self.context.body
            if tee is None:
                tee = BodyTee()
                self.context.set_body(tee)
            tee.feed(body)
        return message

    async def send(self, message: Message) -> Any:
        """Send a message."""
        send = self.app_send
        value = await send(message)
        if message.get("type") == "http.response.start":
            self.context.status = message.get("status")
        return value
